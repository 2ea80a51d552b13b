"""The time as a dependency: every rule that depends on a date takes a Clock."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final, Protocol
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


class Clock(Protocol):
    """Tells the time; a fake one makes rules about dates testable."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        return datetime.now(UTC)


class ClockAhead:
    """The machine's clock, ahead by the seconds that a file says: months of a campaign pass while somebody watches.

    For demonstrations and tests. The file is read again every `LOOK_S`, so that all processes move on together; an
    absent one says nothing. Tokens, leases, heartbeats and retries do not go by it.
    """

    LOOK_S: Final = 0.05

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = timedelta()
        self._look_at = float("-inf")

    def now(self) -> datetime:
        """Return the instant it shows, in UTC; raise ValueError if the file holds no number."""
        if monotonic() >= self._look_at:
            self._ahead = read_ahead(self._file)
            self._look_at = monotonic() + self.LOOK_S
        return datetime.now(UTC) + self._ahead


def read_ahead(file: Path) -> timedelta:
    """Return how far a file says that its clocks are ahead."""
    return timedelta(seconds=float(file.read_text("ascii"))) if file.exists() else timedelta()


def write_ahead(file: Path, ahead: timedelta) -> None:
    """Let every clock that reads a file be so far ahead, from its next look on."""
    part = file.with_name(f"{file.name}.part")
    part.write_text(str(ahead.total_seconds()), "ascii")
    part.replace(file)


def paris_date(instant: datetime) -> date:
    """Return the legal calendar day in France at an instant; the last hours of the year 9999 have no later one."""
    try:
        return instant.astimezone(PARIS).date()
    except OverflowError:
        return date.max
