"""How long a person may oppose: a named policy, because the sources give two delays (F08)."""

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum


class Policy(StrEnum):
    """Which delay runs from the sending of the notice."""

    SEED = "seed"
    """A month and ten days, as the national insurance announced it."""
    DECREE = "decree"
    """Six weeks (CSP R1111-28, decree 2021-1048)."""


def deadline(sent_on: date, policy: Policy) -> date:
    """Return the last day on which an opposition is accepted, until midnight in Paris."""
    if policy is Policy.DECREE:
        return sent_on + timedelta(weeks=6)
    return _next_month(sent_on) + timedelta(days=10)


def _next_month(day: date) -> date:
    """Return the same day of the next month, or that month's last day where it is shorter."""
    year, month = day.year + day.month // 12, day.month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
