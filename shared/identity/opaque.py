"""Whose deed it is, without saying who that is: one opaque name per national id, the same in every service."""

import hmac
from functools import lru_cache
from typing import Final

_LABEL: Final = b"carnet/depositor"
_BYTES: Final = 16


@lru_cache(maxsize=4096)
def name_of(key: bytes, number: str) -> str:
    """Return the opaque name of a professional's or a structure's national id: 32 hexadecimal digits.

    Rights, deposits and traces carry it in clear, so that they are found again. Keyed: who has the index key can try
    every number, nobody else can.
    """
    secret = hmac.digest(key, _LABEL, "sha256")
    return hmac.digest(secret, number.encode(), "sha256")[:_BYTES].hex()
