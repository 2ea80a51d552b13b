"""A lot for the printer: up to 500 letters of one page each in one PDF, with a number that is used once."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from services.notifications.domain.notice import Aim

LARGEST: Final = 500
"""Letters of a lot: more in one PDF is hardly faster, and a lot is what the printer accepts or rejects whole."""


class LotState(StrEnum):
    """Where a lot stands."""

    GATHERED = "gathered"
    """Its letters are chosen; its files may or may not be there."""
    HANDED_OVER = "handed-over"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    VOID = "void"
    """Nobody was left to write to before it was made."""
    PURGED = "purged"
    """The printer was done with it, and its files, which name people, were removed."""


PURGEABLE: Final = frozenset({LotState.ACCEPTED, LotState.REJECTED})
"""Lots that the printer has answered for: nobody reads their files any more."""


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot; once handed over its files are never changed."""

    number: str
    made_at: datetime
    letters: int
    state: LotState = LotState.GATHERED
    manifest: str | None = None
    """SHA-256 of the manifest, hexadecimal, once handed over."""
    reason: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Letter:
    """What is this person's own in a letter."""

    notice: str
    sequence: int
    """Its place in the lot, from 1; it stays even if a letter before it is left out."""
    sender: str
    lines: tuple[str, ...] = field(repr=False)
    child: str | None = field(repr=False)
    code: str = field(repr=False)
    aim: str = Aim.OPENING


def next_number(day: date, latest: str | None) -> str:
    """Return the number after the latest: the day, then a count within it."""
    today = f"{day:%Y%m%d}"
    count = int(latest.rpartition("-")[2]) + 1 if latest and latest.startswith(today) else 1
    return f"{today}-{count:05d}"


def moved(lot: Lot, state: LotState, *, manifest: str | None = None, reason: str | None = None) -> Lot:
    """Return the next version of a lot."""
    return replace(lot, state=state, manifest=manifest or lot.manifest, reason=reason, version=lot.version + 1)


def reference(number: str, sequence: int) -> str:
    """Return how a letter is named on paper: its lot and its place there."""
    return f"{number}/{sequence:04d}"
