"""Which calendar days an event may name."""

from datetime import date, datetime, timedelta
from typing import Final

from shared.errors import RefusedError

_EASTERNMOST: Final = timedelta(hours=12)
"""Wallis-et-Futuna is at UTC+12: a day begins there first."""


def latest_day(now: datetime) -> date:
    """Return the latest day that has begun anywhere in France at an instant in UTC."""
    return (now + _EASTERNMOST).date()


def check_begun(day: date | None, latest: date, place: str) -> None:
    """Refuse a day that has begun nowhere in France."""
    if day is not None and day > latest:
        raise RefusedError("date-future", place)


def check_order(earlier: date | None, later: date, place: str) -> None:
    """Refuse two days in the wrong order; ``place`` names the one that is reported."""
    if earlier is not None and later < earlier:
        raise RefusedError("date-order", place)
