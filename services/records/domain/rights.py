"""Who may consult a record: what its person, or a professional on the person's word, recorded (F48, F49, F56)."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

VALID_FOR: Final = timedelta(days=365)
"""A year, renewable: the rule of 2010; today's is published nowhere, so it is a setting."""

_NAME_BYTES: Final = 16


class Grant(StrEnum):
    """What was recorded."""

    AUTHORISED = "authorised"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"
    """Neither any more: whoever was blocked needs a new authorisation."""


class Standing(StrEnum):
    """How a professional stands with a record, in the words of the DMP."""

    ABSENT = "NON_EXISTE"
    BLOCKED = "INTERDIT"
    EXPIRED = "EXPIRE"
    VALID = "VALIDE"


class By(StrEnum):
    """On whose word a right was recorded."""

    HOLDER = "holder"
    PROFESSIONAL = "professional"
    """Who received the person's consent, for himself or for a colleague (CSP R1111-46)."""


@dataclass(frozen=True, slots=True)
class Right:
    """What is recorded of one professional and one record; ``version`` counts its changes."""

    record: str
    professional: str
    """A keyed hash of the national id."""
    grant: Grant
    since: datetime
    by: By
    version: int
    box: bytes = field(repr=False)
    """The professional's national id and name, for the person to read."""

    @property
    def id(self) -> str:
        """Its key: one right per record and professional."""
        return f"{self.record}/{self.professional}"


def name_of(key: bytes, number: str) -> str:
    """Return a national id's opaque name: the one that deposits carry too, for authors see what they deposited."""
    secret = hmac.digest(key, b"carnet/depositor", "sha256")
    return hmac.digest(secret, number.encode(), "sha256")[:_NAME_BYTES].hex()


def standing(right: Right | None, now: datetime, valid_for: timedelta) -> Standing:
    """Return how a professional stands; an authorisation is over once its time has passed (F48)."""
    if right is None or right.grant is Grant.WITHDRAWN:
        return Standing.ABSENT
    if right.grant is Grant.BLOCKED:
        return Standing.BLOCKED
    return Standing.VALID if now < right.since + valid_for else Standing.EXPIRED


def says_the_same(right: Right | None, grant: Grant, now: datetime) -> bool:
    """Tell whether recording this changes nothing: the same request again, or a consent given twice in a day.

    A consent given on a later day begins a new year.
    """
    if grant is Grant.WITHDRAWN:
        return right is None or right.grant is Grant.WITHDRAWN
    if right is None or right.grant is not grant:
        return False
    return grant is Grant.BLOCKED or now < right.since + timedelta(days=1)
