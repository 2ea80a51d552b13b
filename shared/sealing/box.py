"""Sealed boxes: the one form in which personal data is written to a queue or a collection.

A box is ``0x01 ‖ key id (16) ‖ nonce (12, random) ‖ AES-256-GCM ciphertext and tag``. The version and the key
id are authenticated with the caller's associated data, so a box opens only under its key and in its place.

No key-commitment prefix is added. GCM does not commit to its key, so whoever holds two keys can make one box
that opens under both; here a box names its one key, and whoever may write boxes may write any text under it
anyway. What a text *was* is bound elsewhere, by the log's commitments. The prefix would cost 32 bytes a box.
"""

from collections.abc import Mapping
from os import urandom
from typing import Final

from cryptography.exceptions import InvalidTag

from shared.sealing.errors import SealBrokenError, UnknownBoxError, UnknownKeyError
from shared.sealing.keys import ERASED, KEY_ID_BYTES, Erased, Key

VERSION: Final = b"\x01"
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_HEADER: Final = 1 + KEY_ID_BYTES
_TEXT: Final = _HEADER + NONCE_BYTES
OVERHEAD: Final = _TEXT + TAG_BYTES
"""How many bytes a box is longer than its text: 45."""


def aad(record_id: str, content_id: str, schema: str) -> bytes:
    """Return the associated data that ties a box to its record, its content and the schema of its text.

    Each part is preceded by its length, so no choice of parts imitates another. It names no service, queue or
    collection: a box moves between them unopened.
    """
    return f"{len(record_id)}:{record_id},{len(content_id)}:{content_id},{len(schema)}:{schema}".encode()


def seal(key: Key, plaintext: bytes, aad: bytes) -> bytes:
    """Return ``plaintext`` as a box that opens only with the same key and the same associated data."""
    header = VERSION + key.id
    nonce = urandom(NONCE_BYTES)
    return header + nonce + key.cipher.encrypt(nonce, plaintext, header + aad)


def box_key_id(box: bytes) -> bytes:
    """Return the id of the key that a box names; raise `UnknownBoxError` if it is no box known here."""
    if box[:1] != VERSION:
        raise UnknownBoxError("not a sealed box of a known version")
    if len(box) < OVERHEAD:
        raise UnknownBoxError("shorter than any sealed box")
    return box[1:_HEADER]


def open_box(key: Key, box: bytes, aad: bytes) -> bytes:
    """Return the text of a box.

    Raise `UnknownBoxError` for another format, and `SealBrokenError` when a bit changed, the box was moved to
    another record, content or schema, or the key is another one.
    """
    if box_key_id(box) != key.id:
        raise SealBrokenError("the box names another key")
    try:
        return key.cipher.decrypt(box[_HEADER:_TEXT], box[_TEXT:], box[:_HEADER] + aad)
    except InvalidTag:
        raise SealBrokenError("the box was changed or belongs to another place") from None


def open_found(keys: Mapping[bytes, Key | Erased], box: bytes, aad: bytes) -> bytes | Erased:
    """Return the text of a box with one of the keys the vault found, or ``ERASED`` if its key was destroyed.

    Raise as `open_box` does, and `UnknownKeyError` when the vault has never had the key that the box names.
    """
    key_id = box_key_id(box)
    key = keys.get(key_id)
    if key is None:
        raise UnknownKeyError("the vault does not know the key that the box names", key_id=key_id)
    return ERASED if key is ERASED else open_box(key, box, aad)
