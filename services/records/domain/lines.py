"""Reimbursement lines: how long they are kept, and which of them a reader sees."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

KEPT_MONTHS: Final = 24
"""A record shows the last 24 months of care, as the national insurance announced it (ticsante, alliancy: P15, P16)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One reimbursement line as it was received; what was done and paid stays in its box."""

    id: str
    record: str
    month: str
    """Of the care, ``2026-11``."""
    insurer: str
    reverses: str | None
    """The line that this one cancels."""
    event: str
    """Id of the event that brought it."""
    box: bytes = field(repr=False)


def first_kept_month(today: date) -> str:
    """Return the oldest month in the window: the 24th before the current one, in the legal calendar of France."""
    months = today.year * 12 + today.month - 1 - KEPT_MONTHS
    return f"{months // 12:04}-{months % 12 + 1:02}"


def visible(lines: Iterable[Line]) -> list[Line]:
    """Return the lines of one record that a reader sees, in their order (F46).

    A line and its reversal cancel each other whichever came first; a reversal whose line never came shows
    nothing. The caller gives all lines of the record, or all of the months that it shows.
    """
    known = list(lines)
    reversed_ids = {line.reverses for line in known}
    return [line for line in known if line.reverses is None and line.id not in reversed_ids]
