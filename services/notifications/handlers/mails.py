"""E-mails: chosen and opened, sent, and what the mail server said noted in one transaction (F05, F63)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.notifications.domain.mail import Mail, mail_text
from services.notifications.domain.notice import EMAIL, POST, Aim, Notice, NoticeState, by_post, changed, put_off, sent
from services.notifications.domain.person import recipient
from services.notifications.domain.policy import Policy, first_channel, last_day
from services.notifications.domain.wording import Wording
from services.notifications.handlers.decisions import without_moot
from services.notifications.handlers.letters import ANY_BODY, Desk, unwritten
from services.notifications.handlers.notices import sending
from services.notifications.handlers.opening import Readable, Unreadable, open_notices
from services.notifications.ports import MailEnd, NoticeStore
from shared.clock import Clock, paris_date
from shared.errors import RefusedError
from shared.messaging.unit import Unit

BATCH: Final = 20
"""E-mails between two commits: as many may go out a second time, with the same Message-ID, after a crash."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """E-mails to be sent now, and how many notices were looked at."""

    looked_at: int
    mails: Sequence[Mail] = field(default=(), repr=False)


async def choose_mails(
    unit: Unit, *, desk: Desk, words: Mapping[Aim, Wording], address: tuple[str, ...], limit: int = BATCH
) -> Outgoing:
    """Return the e-mails of due notices; who has no usable e-mail address gets a letter instead (F05)."""
    now = desk.clock.now()
    found = await desk.notices.due({None, EMAIL}, now, limit)
    due, changes = await without_moot(found, desk.decisions)
    preferences = await desk.preferences.find({notice.record for notice in due})
    mails: list[Mail] = []
    for item in await open_notices(due, contacts=desk.contacts, vault=desk.vault):
        if isinstance(item, Unreadable):
            changes.append(unwritten(item, EMAIL, unit, desk.clock))
        elif first_channel(desk.policy, has_email=item.person.email is not None) == POST:
            changes.append(by_post(item.notice, "no-email", now))
        elif (told := preferences.get(item.notice.record)) is not None and not told.by_email:
            changes.append(by_post(item.notice, "email-declined", now))
        elif (mail := _mail(item, desk, words, address)) is None:
            changes.append(by_post(item.notice, "name-unreadable", now))
        else:
            mails.append(mail)
    desk.notices.save(changes, unit, read={notice.id: notice for notice in found})
    return Outgoing(len(found), mails)


async def note_mails(
    unit: Unit, *, ends: Mapping[str, MailEnd], notices: NoticeStore, policy: Policy, clock: Clock
) -> None:
    """Note what became of e-mails: sent, to be tried again, or to go by post because they failed for good."""
    read = await notices.find(set(ends))
    changes = []
    for notice in read.values():
        if notice.state is not NoticeState.TO_SEND or notice.channel == POST:
            continue  # somebody noted it before
        changes.append(_after(notice, ends[notice.id], unit, policy, clock))
    notices.save(changes, unit, read=read)


def _after(notice: Notice, end: MailEnd, unit: Unit, policy: Policy, clock: Clock) -> Notice:
    now = clock.now()
    if end is MailEnd.ACCEPTED:
        day = paris_date(now)
        unit.emit(sending(notice, EMAIL, day, now))
        return sent(notice, EMAIL, day, last_day(policy, day))
    if end is MailEnd.DEFERRED and (later := put_off(notice, "mail-deferred", now)):
        return changed(later, channel=EMAIL)
    return by_post(notice, "bounced" if end is MailEnd.BOUNCED else "mail-given-up", now)


def _mail(item: Readable, desk: Desk, wordings: Mapping[Aim, Wording], address: tuple[str, ...]) -> Mail | None:
    email = item.person.email
    if email is None:
        return None
    try:
        child = recipient(item.person, paris_date(desk.clock.now())).child
    except RefusedError:
        return None
    sender, words = desk.senders.get(item.insurer, ANY_BODY), wordings[item.notice.aim]
    text = mail_text(words, sender=sender, code=item.code, child=child, address=address)
    return Mail(item.notice.id, email, sender, words.subject, text)
