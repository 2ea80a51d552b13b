"""The numbers of one producer: which are in the log, and which should be and are not (F57).

Numbers have no gaps where they are made, so one that is missing below another, or below what its producer states, was
lost on the way or taken away. What is late or out of order closes its gap when it comes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are missing, both ends included, since it was noticed."""

    first: int
    last: int
    since: datetime

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Series:
    """What is known of one producer: there is a trace of every number up to ``top`` but for the gaps."""

    top: int = 0
    gaps: tuple[Gap, ...] = ()

    def seen(self, numbers: Iterable[int], now: datetime) -> "Series":
        """Return the series with these numbers in the log; the same ones again change nothing."""
        series = self
        for number in sorted(set(numbers)):
            series = series.told(number - 1, now)
            if number > series.top:
                series = Series(number, series.gaps)
            else:
                series = Series(series.top, tuple(part for gap in series.gaps for part in _without(gap, number)))
        return series

    def told(self, last: int, now: datetime) -> "Series":
        """Return the series with all numbers up to this one expected."""
        if last <= self.top:
            return self
        return Series(last, (*self.gaps, Gap(self.top + 1, last, now)))

    def overdue(self, now: datetime, delay: timedelta) -> list[Gap]:
        """Return the gaps that were not closed in time."""
        return [gap for gap in self.gaps if now - gap.since > delay]


def _without(gap: Gap, number: int) -> list[Gap]:
    if not gap.first <= number <= gap.last:
        return [gap]
    parts = (Gap(gap.first, number - 1, gap.since), Gap(number + 1, gap.last, gap.since))
    return [part for part in parts if part.first <= part.last]
