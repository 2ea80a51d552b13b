"""The provisional code of a notice: derived under a key, kept as a keyed hash, used once (F07)."""

import hmac
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

VALID_FOR: Final = timedelta(weeks=6)
"""From the day the notice was sent."""

ALPHABET: Final = "ACDEFGHJKMNPQRTUVWXY34679"
"""Capitals and digits that nobody takes for one another on paper: no B8, I1L, O0, S5, Z2."""

LENGTH: Final = 8
"""25^8 codes, 37 bits; what tries them is slowed down after a few (`tries`)."""


class Purpose(StrEnum):
    """What a code was used for."""

    OPPOSITION = "opposition"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Use:
    """When and for what a code was used; ``proof`` is the id of the opposition it made."""

    at: datetime
    purpose: Purpose
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """What is kept of a code. ``number`` counts the codes of a person; ``replaced``: another was asked for."""

    number: int
    hash: bytes = field(repr=False)
    replaced: bool = False
    use: Use | None = None


def mint(key: bytes, record: str, notice: str, number: int) -> str:
    """Return the code of a notice: the same whenever it is asked, and no two alike but by chance."""
    value = int.from_bytes(hmac.digest(key, f"code|{record}|{notice}|{number}".encode(), "sha256"))
    letters = []
    for _ in range(LENGTH):
        value, letter = divmod(value, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def typed(text: str) -> str:
    """Return a code as it was minted, from what somebody typed: in any case, with spaces or hyphens."""
    return "".join(text.split()).replace("-", "").upper()


def hash_of(key: bytes, notice: str, code: str) -> bytes:
    """Return what is kept of a code: useless without the key, and different for every notice."""
    return hmac.digest(key, f"hash|{notice}|{code}".encode(), "sha256")


def last_day(sent_on: date) -> date:
    """Return the last day on which a code is accepted."""
    return sent_on + VALID_FOR
