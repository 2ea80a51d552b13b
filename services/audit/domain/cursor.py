"""A place in a person's list, given to the reader to go on from there: worth nothing for another record."""

import base64
import binascii
import hmac
import struct
from typing import Final

from shared.errors import RefusedError

_INDEX: Final = struct.Struct(">Q")
_SEAL_BYTES: Final = 16
_LENGTH: Final = 32
"""Characters: 24 bytes in base64url."""


def cursor_of(index: int, *, key: bytes, record: str) -> str:
    """Return the cursor of the entry after which the list of a record goes on."""
    raw = _INDEX.pack(index)
    return base64.urlsafe_b64encode(raw + _seal(raw, key, record)).decode()


def index_of(cursor: str, *, key: bytes, record: str) -> int:
    """Return the index; raise `RefusedError` ``cursor-invalid`` for one that was not given for this record."""
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise RefusedError("cursor-invalid") from None
    place, seal = raw[: _INDEX.size], raw[_INDEX.size :]
    if len(cursor) != _LENGTH or not hmac.compare_digest(seal, _seal(place, key, record)):
        raise RefusedError("cursor-invalid")
    index: int = _INDEX.unpack(place)[0]
    return index


def _seal(raw: bytes, key: bytes, record: str) -> bytes:
    secret = hmac.digest(key, b"carnet/accesses", "sha256")
    return hmac.digest(secret, record.encode() + b"\x1f" + raw, "sha256")[:_SEAL_BYTES]
