"""The time as a dependency: every rule that depends on a date takes a Clock."""

from datetime import UTC, date, datetime
from typing import Protocol
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


def paris_date(instant: datetime) -> date:
    """Return the legal calendar day in France at an instant."""
    return instant.astimezone(PARIS).date()
