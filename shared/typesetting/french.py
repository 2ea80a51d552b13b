"""How a page writes days and hours in French."""

from datetime import date, datetime
from typing import Final

from shared.clock import PARIS

_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def french(day: date) -> str:
    """Return a day in words: 1er mars 2026."""
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def french_moment(instant: datetime) -> str:
    """Return an instant in words, by the hour of Paris: 1er mars 2026 à 9 h 05."""
    local = instant.astimezone(PARIS)
    return f"{french(local.date())} à {local.hour} h {local.minute:02}"
