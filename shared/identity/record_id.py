"""The opaque id of a record, and the keyed index that finds it again from an INS."""

import hmac
from hashlib import sha256
from typing import NewType
from uuid import uuid4

from shared.identity.ins import Ins

RecordId = NewType("RecordId", str)
"""32 hexadecimal characters, drawn at random: nothing about the person can be read from it."""

_KEY_BYTES = 32
_SEPARATOR = b"\x1f"


def new_record_id() -> RecordId:
    """Mint a record id; a person has one, kept in the vault."""
    return RecordId(uuid4().hex)


def blind_index(key: bytes, ins: Ins) -> str:
    """Return HMAC-SHA256(key, oid ‖ 0x1F ‖ number) in hexadecimal.

    Equal for equal identities, useless without the 32-byte key: who holds the key can enumerate every NIR.
    """
    if len(key) != _KEY_BYTES:
        raise ValueError("the index key has 32 bytes")
    return hmac.new(key, ins.oid.encode() + _SEPARATOR + ins.value.encode(), sha256).hexdigest()
