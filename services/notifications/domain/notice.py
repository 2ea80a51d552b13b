"""A notice: from the request to send it until it is posted, accepted by e-mail, or known not to arrive."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

EMAIL: Final = "email"
POST: Final = "post"


class Aim(StrEnum):
    """Why a notice is sent, as whoever asks for it says."""

    OPENING = "opening"
    CODE = "code"
    FAILURE = "opening-failed"


class NoticeState(StrEnum):
    """Where a notice stands."""

    TO_SEND = "to-send"
    IN_LOT = "in-lot"
    """Handed to the printer, or about to be: whether it was posted is the printer's to say."""
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"
    """It came back, or nothing can be written on an envelope, and no other way is left."""
    ERASED = "erased"
    """The person's keys were destroyed before it was sent: there is nobody to write to. Never tried again."""
    WITHDRAWN = "withdrawn"
    """The person decided before it was sent."""
    HELD = "held"
    """Something is wrong with what we hold; a person has to look."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice of one person; the code that it carries stays in its box."""

    id: str
    record: str
    box: bytes = field(repr=False)
    due: datetime
    """When to try (again)."""
    aim: Aim = Aim.OPENING
    state: NoticeState = NoticeState.TO_SEND
    channel: str | None = None
    """None until a way was chosen, which is when it is sent."""
    attempts: int = 0
    lot: str | None = None
    sequence: int | None = None
    """Its place in the lot, from 1."""
    sent_on: date | None = None
    last_day: date | None = None
    """Until when the person may oppose, if a delay runs from this notice."""
    reason: str | None = None
    version: int = 1


RETRIES: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""How long a notice waits after each failed attempt (F63)."""


def put_off(notice: Notice, reason: str, now: datetime) -> Notice | None:
    """Return the notice as it waits for its next attempt; None once the attempts are used up (F63)."""
    if notice.attempts >= len(RETRIES):
        return None
    due = now + RETRIES[notice.attempts]
    return changed(notice, due=due, attempts=notice.attempts + 1, reason=reason)


def by_post(notice: Notice, reason: str, now: datetime) -> Notice:
    """Return the notice as a letter to be sent: there is no e-mail address, or the e-mail did not arrive (F05)."""
    return changed(
        notice, state=NoticeState.TO_SEND, channel=POST, due=now, attempts=0, sent_on=None, last_day=None, reason=reason
    )


def placed(notice: Notice, lot: str, sequence: int) -> Notice:
    """Return the notice as a letter of a lot."""
    return changed(notice, state=NoticeState.IN_LOT, channel=POST, lot=lot, sequence=sequence, reason=None)


def taken_back(notice: Notice, now: datetime) -> Notice:
    """Return a letter whose lot the printer rejected: it goes into another lot."""
    return changed(notice, state=NoticeState.TO_SEND, lot=None, sequence=None, due=now, reason="lot-rejected")


def sent(notice: Notice, channel: str, day: date, last_day: date) -> Notice:
    """Return the notice as sent: from that day the delay to oppose runs, if it tells of an opening (F08)."""
    until = last_day if notice.aim is Aim.OPENING else None
    return changed(notice, state=NoticeState.SENT, channel=channel, sent_on=day, last_day=until, reason=None)


def ended(notice: Notice, state: NoticeState, reason: str) -> Notice:
    """Return the notice as it stays."""
    return changed(notice, state=state, reason=reason)


def changed(notice: Notice, **changes: object) -> Notice:
    """Return the next version of a notice."""
    return replace(notice, version=notice.version + 1, **changes)  # type: ignore[arg-type]
