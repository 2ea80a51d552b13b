"""The instant of a commit, by which rows are dated and counted: the database's clock, carried on from the start.

A clock of the machine that is set back or forward moves nothing here: every process dates by the same clock, and
none of them dates a commit before its last one. Time in which the machine was suspended counts.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

TOLERATED: Final = timedelta(seconds=1)
"""A difference below this may be the time that the question took."""

_MINUTE: Final = "%Y-%m-%dT%H:%M"


def _elapsed() -> float:
    """Return seconds since some moment; unlike `time.monotonic`, those of a suspended machine count."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_start: float = _elapsed()
_at: datetime = datetime.now(UTC)


def now() -> datetime:
    """Return the instant, in UTC."""
    return _at + timedelta(seconds=_elapsed() - _start)


class Steady:
    """A `Clock` of these instants: what waits for seconds does so whatever the calendar of the services shows."""

    def now(self) -> datetime:
        """Return the instant, in UTC."""
        return now()


def follow(database: datetime) -> None:
    """Go by the database's clock, which shows this instant now."""
    global _start, _at
    if abs(database - now()) > TOLERATED:
        _start, _at = _elapsed(), database


def minute_of(instant: datetime) -> datetime:
    """Return the beginning of an instant's minute."""
    return instant.replace(second=0, microsecond=0)


def hour_of(instant: datetime) -> datetime:
    """Return the beginning of an instant's hour."""
    return instant.replace(minute=0, second=0, microsecond=0)


def minute_name(instant: datetime) -> str:
    """Return an instant's minute as it stands in counters, at doors and on the wire: ``2026-11-22T02:47``, UTC."""
    return instant.strftime(_MINUTE)


def minute_named(name: str) -> datetime:
    """Return the beginning of a minute; raise `ValueError` for what names none."""
    return datetime.strptime(name, _MINUTE).replace(tzinfo=UTC)
