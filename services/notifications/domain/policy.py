"""What the two sources of the law say of channel and delay; an installation follows one of them by name."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from services.notifications.domain.notice import EMAIL, POST


class Policy(StrEnum):
    """Which text is followed."""

    SEED = "seed"
    """The announcement of 2021: a letter to everyone, a month and ten days."""
    DECREE = "decree"
    """Decree 2021-1048 (CSP R1111-28): an e-mail, a letter where there is none or it fails; six weeks."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy's channels in their order, and its delay as a notice words it."""

    channels: tuple[str, ...]
    delay: str


RULES: Final = {
    Policy.SEED: Rule((POST,), "un mois et dix jours"),
    Policy.DECREE: Rule((EMAIL, POST), "six semaines"),
}


def last_day(policy: Policy, sent_on: date) -> date:
    """Return the last day to oppose after a sending (F08); what counts is what records fixed, by the same rule."""
    if policy is Policy.DECREE:
        return sent_on + timedelta(weeks=6)
    year, month = sent_on.year + sent_on.month // 12, sent_on.month % 12 + 1
    return date(year, month, min(sent_on.day, monthrange(year, month)[1])) + timedelta(days=10)


def first_channel(policy: Policy, *, has_email: bool) -> str:
    """Return the way that a notice is sent by at first (F05)."""
    return next(way for way in RULES[policy].channels if way == POST or has_email)
