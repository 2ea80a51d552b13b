"""Who may consult a record: what its person, or a professional on the person's word, recorded (F48, F49, F56)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

VALID_FOR: Final = timedelta(days=365)
"""A year, renewable: the rule of 2010; today's is published nowhere, so it is a setting."""


class Grant(StrEnum):
    """What was recorded."""

    AUTHORISED = "authorised"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"
    """Neither any more: whoever was blocked needs a new authorisation."""


class Oversight(StrEnum):
    """Whom the person lets see everything: masked documents, and all that is done with the record (F51)."""

    NONE = "none"
    ATTENDING = "attending"
    """The attending physician; several may be (CSP R1111-43)."""
    ADMINISTRATOR = "administrator"
    """Whom the person gave the same rights."""


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
    oversight: Oversight = Oversight.NONE
    """It ends with the authorisation."""

    @property
    def id(self) -> str:
        """Its key: one right per record and professional."""
        return f"{self.record}/{self.professional}"


def standing(right: Right | None, now: datetime, valid_for: timedelta) -> Standing:
    """Return how a professional stands; an authorisation is over once its time has passed (F48)."""
    if right is None or right.grant is Grant.WITHDRAWN:
        return Standing.ABSENT
    if right.grant is Grant.BLOCKED:
        return Standing.BLOCKED
    return Standing.VALID if now < right.since + valid_for else Standing.EXPIRED


def oversees(right: Right | None, now: datetime, valid_for: timedelta) -> bool:
    """Tell whether a professional sees everything; nobody does without a standing authorisation."""
    return (
        right is not None
        and right.oversight is not Oversight.NONE
        and standing(right, now, valid_for) is Standing.VALID
    )


def oversight_after(right: Right | None, grant: Grant, wanted: Oversight | None) -> Oversight:
    """Return what a professional oversees as after a change; where nothing is said of it, an authorisation keeps it."""
    if grant is not Grant.AUTHORISED:
        return Oversight.NONE
    if wanted is not None:
        return wanted
    return right.oversight if right is not None and right.grant is Grant.AUTHORISED else Oversight.NONE


def says_the_same(right: Right | None, grant: Grant, now: datetime, oversight: Oversight = Oversight.NONE) -> bool:
    """Tell whether recording this changes nothing: the same request again, or a consent given twice in a day.

    A consent given on a later day begins a new year.
    """
    if grant is Grant.WITHDRAWN:
        return right is None or right.grant is Grant.WITHDRAWN
    if right is None or right.grant is not grant or right.oversight is not oversight:
        return False
    return grant is Grant.BLOCKED or now < right.since + timedelta(days=1)
