"""Requests of notices: one row each, to be sent when its time comes."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from services.notifications.domain.notice import Aim, Notice
from services.notifications.ports import NoticeStore
from shared.clock import Clock
from shared.contracts.notifications import (
    NoticeSentV1,
    NoticeSentV1Data,
    NoticeUndeliverableV1,
    NoticeUndeliverableV1Data,
)
from shared.contracts.records import NoticeRequestedV1
from shared.messaging.unit import Unit

SOURCE: Final = "/notifications"


async def take_notices(events: Sequence[NoticeRequestedV1], unit: Unit, *, notices: NoticeStore, clock: Clock) -> None:
    """Keep one notice per request, unopened; by which way it goes is decided when it is sent (F05)."""
    now = clock.now()
    known = set(await notices.find({event.data.notice_id for event in events}))
    fresh = []
    for event in events:
        if event.data.notice_id in known:
            unit.ignore(event, "notice-known")
            continue
        known.add(event.data.notice_id)
        box = b64decode(event.data.sealed, validate=True)
        fresh.append(Notice(event.data.notice_id, event.subject, box, due=now, aim=Aim(event.data.aim)))
    notices.save(fresh, unit, read={})


def undeliverable(notice: Notice, channel: str, motive: str, clock: Clock) -> NoticeUndeliverableV1:
    """Return the event that tells that a notice did not arrive and no other way is left."""
    data = NoticeUndeliverableV1Data.model_validate({"notice_id": notice.id, "channel": channel, "motive": motive})
    return NoticeUndeliverableV1.new(source=SOURCE, time=clock.now(), subject=notice.record, data=data)


def sending(notice: Notice, channel: str, on: date, now: datetime) -> NoticeSentV1:
    """Return the event that tells that a notice was sent on the day that counts (F08)."""
    data = NoticeSentV1Data.model_validate({"notice_id": notice.id, "channel": channel, "sent_on": on})
    return NoticeSentV1.new(source=SOURCE, time=now, subject=notice.record, data=data)
