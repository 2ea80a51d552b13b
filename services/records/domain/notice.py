"""A notice of the campaign: asked for, sent, returned, ended; and the clock that runs from its sending.

The sending and the return of a notice are reported by another service, each perhaps twice and in any order. The
state is a function of what was reported, whatever came first: a letter counts more than the e-mail before it.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from services.records.domain.codes import Code, Use, hash_of, last_day
from services.records.domain.delay import Policy, deadline


class Aim(StrEnum):
    """Why a notice is sent."""

    OPENING = "opening"
    """It tells that a record will be opened: from its sending on, the delay to oppose runs."""
    CODE = "code"
    """It brings another code, and moves no deadline."""
    FAILURE = "opening-failed"
    """It tells that the opening failed for a technical reason, and brings a code to open it oneself (F18)."""


class NoticeState(StrEnum):
    """Where a notice stands."""

    REQUESTED = "requested"
    RUNNING = "running"
    """Sent, and the person may oppose."""
    SENT = "sent"
    """Sent, and no delay depends on it."""
    RETURNED = "returned"
    """It did not arrive: the clock stands still until somebody finds another way."""
    ENDED = "ended"


class Outcome(StrEnum):
    """How the delay ended."""

    OPENED = "opened"
    OPPOSED = "opposed"
    ACTIVATED = "activated"
    MOOT = "moot"
    """The account had gone another way."""


RETRIES: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""How long an opening that failed waits before each further attempt; the last one for ever (F18)."""

_RANK: Final = {"email": 1, "post": 2}


@dataclass(frozen=True, slots=True)
class Sending:
    """By which way a notice went, on which day in Paris, and what follows from it once for all (F08)."""

    channel: str
    on: date
    policy: Policy
    deadline: date


@dataclass(frozen=True, slots=True)
class Return:
    """By which way a notice did not arrive, and why."""

    channel: str
    motive: str


@dataclass(frozen=True, slots=True)
class Failing:
    """How often the opening that a delay ends in has failed, and when it is tried again."""

    attempts: int
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to one person; ``version`` counts its changes."""

    id: str
    record: str
    aim: Aim
    requested_at: datetime
    code: Code
    sent: Sending | None = None
    returned: Return | None = None
    outcome: Outcome | None = None
    failing: Failing | None = None
    version: int = 1

    @property
    def state(self) -> NoticeState:
        """Where it stands."""
        if self.outcome is not None:
            return NoticeState.ENDED
        if self.returned is not None and _rank(self.returned) >= _rank(self.sent):
            return NoticeState.RETURNED
        if self.sent is None:
            return NoticeState.REQUESTED
        return NoticeState.RUNNING if self.aim is Aim.OPENING else NoticeState.SENT

    @property
    def deadline(self) -> date | None:
        """The last day of the delay that it began, None while no delay runs."""
        stands_still = self.state in (NoticeState.REQUESTED, NoticeState.RETURNED)
        return None if self.sent is None or stands_still or self.aim is not Aim.OPENING else self.sent.deadline


def note_sending(notice: Notice, channel: str, on: date, policy: Policy) -> Notice:
    """Return a notice after a report that it was sent: the same one, unless this is the first or a later way."""
    if _RANK[channel] <= _rank(notice.sent):
        return notice
    sending = Sending(channel, on, policy, deadline(on, policy))
    return replace(notice, sent=sending, version=notice.version + 1)


def note_return(notice: Notice, channel: str, motive: str) -> Notice:
    """Return a notice after a report that it did not arrive: the same one, unless this tells anything new."""
    if _RANK[channel] <= _rank(notice.returned):
        return notice
    return replace(notice, returned=Return(channel, motive), version=notice.version + 1)


def end(notice: Notice, outcome: Outcome) -> Notice:
    """Return a notice whose delay is over; the first outcome stays."""
    if notice.outcome is not None:
        return notice
    return replace(notice, outcome=outcome, version=notice.version + 1)


def put_off(notice: Notice, now: datetime) -> Notice:
    """Return a notice whose opening failed for a technical reason: it is tried again, and for ever (F18)."""
    attempts = 1 if notice.failing is None else notice.failing.attempts + 1
    failing = Failing(attempts, now + RETRIES[min(attempts, len(RETRIES)) - 1])
    return replace(notice, failing=failing, version=notice.version + 1)


def use_code(notice: Notice, use: Use) -> Notice:
    """Return a notice whose code was used."""
    return replace(notice, code=replace(notice.code, use=use), version=notice.version + 1)


def replace_code(notice: Notice) -> Notice:
    """Return a notice whose code another one has replaced; the same one if it was used or replaced before."""
    if notice.code.replaced or notice.code.use is not None:
        return notice
    return replace(notice, code=replace(notice.code, replaced=True), version=notice.version + 1)


def is_due(notice: Notice, today: date) -> bool:
    """Tell whether the delay has run out: the last day is over (F09)."""
    return notice.state is NoticeState.RUNNING and notice.deadline is not None and notice.deadline < today


def why_refused(notice: Notice, today: date) -> str | None:
    """Return why a notice's right code is not accepted, None if it is."""
    if notice.code.use is not None:
        return "code-already-used"
    if notice.code.replaced or (notice.sent is not None and last_day(notice.sent.on) < today):
        return "code-expired"
    return None


def of_code(notices: Iterable[Notice], key: bytes, code: str) -> Notice | None:
    """Return the notice that a code came with; it takes as long for a wrong code as for the right one."""
    found = None
    for notice in notices:
        if hmac.compare_digest(notice.code.hash, hash_of(key, notice.id, code)):
            found = notice
    return found


def _rank(told: Sending | Return | None) -> int:
    return 0 if told is None else _RANK[told.channel]
