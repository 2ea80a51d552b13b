"""A place in a list, given to a reader to go on from there: useless to others and for other lists."""

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.errors import RefusedError

_PLACE: Final = struct.Struct(">q16s")
_SEAL_BYTES: Final = 16
_LENGTH: Final = 54
"""Characters: 40 bytes in base64url, without padding."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a document stands in its record: by the instant it was written, then by id; newest first when listed."""

    created: datetime
    id: str


def cursor_of(place: Place, *, key: bytes, record: str, reader: str) -> str:
    """Return the cursor of a place for one reader of one record."""
    raw = _PLACE.pack((place.created - _EPOCH) // _MILLISECOND, bytes.fromhex(place.id))
    return base64.urlsafe_b64encode(raw + _seal(raw, key, record, reader)).rstrip(b"=").decode()


def place_of(cursor: str, *, key: bytes, record: str, reader: str) -> Place:
    """Return the place; raise `RefusedError` ``cursor-invalid`` for one that was not given to this reader here."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"==", altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise RefusedError("cursor-invalid") from None
    place, seal = raw[: _PLACE.size], raw[_PLACE.size :]
    if len(cursor) != _LENGTH or not hmac.compare_digest(seal, _seal(place, key, record, reader)):
        raise RefusedError("cursor-invalid")
    milliseconds, document = _PLACE.unpack(place)
    return Place(_EPOCH + milliseconds * _MILLISECOND, document.hex())


def _seal(raw: bytes, key: bytes, record: str, reader: str) -> bytes:
    secret = hmac.digest(key, b"carnet/cursor", "sha256")
    return hmac.digest(secret, b"\x1f".join((record.encode(), reader.encode(), raw)), "sha256")[:_SEAL_BYTES]
