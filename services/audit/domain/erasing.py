"""When what the log says of a record is destroyed: ten years after its closure, or on a lawful order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.contracts.erasures import Basis

RETENTION_YEARS: Final = 10
"""After a record's closure its traces are destroyed with it (CSP L1111-18; homologation EX_AIR-100)."""

CLOSED: Final = "account.closed.v1"
OPENED: Final = "account.opened.v1"

_LEAP_DAY: Final = (2, 29)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be destroyed: what the log says of a record, up to an entry."""

    record: str
    until: int
    """Index of the last entry."""
    entries: int


@dataclass(frozen=True, slots=True)
class Order:
    """Who has texts destroyed, and by what right."""

    basis: Basis
    reference: str | None = None
    operator: str | None = None
    second_operator: str | None = None


def closed_before(now: datetime) -> datetime:
    """Return the instant before which a record was closed if its traces are due to be destroyed now."""
    day = now.replace(day=28) if (now.month, now.day) == _LEAP_DAY else now
    return day.replace(year=now.year - RETENTION_YEARS)
