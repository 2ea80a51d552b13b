"""What became of a notice: sent, and the delay runs; returned, and it stands still."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from services.records.domain.account import Account, AccountState, Cause, transition
from services.records.domain.delay import Policy
from services.records.domain.notice import Aim, Notice, NoticeState, note_return, note_sending
from services.records.ports import AccountStore, NoticeStore
from shared.clock import Clock
from shared.contracts.notifications import NoticeSentV1, NoticeUndeliverableV1
from shared.messaging.unit import Unit

_WAITING = (AccountState.ELIGIBLE, AccountState.NOTIFIED)

E = TypeVar("E", NoticeSentV1, NoticeUndeliverableV1)


async def fix_deadlines(
    events: Sequence[NoticeSentV1],
    unit: Unit,
    *,
    accounts: AccountStore,
    notices: NoticeStore,
    policy: Policy,
    clock: Clock,
) -> None:
    """Let the delay begin on the day a notice was sent, once for each way it was sent by (F08).

    Who has decided meanwhile stays as decided: the sending is noted, the account is left alone.
    """
    now = clock.now()

    def note(notice: Notice, event: NoticeSentV1) -> Notice:
        return note_sending(notice, event.data.channel, event.data.sent_on, policy)

    changed = await _note(events, unit, notices, note)
    read = await accounts.find({notice.record for notice in changed if notice.aim is Aim.OPENING})
    # One that is known to have come back was sent all the same: which report is first must not matter.
    begun = {notice.record for notice in changed if notice.state in (NoticeState.RUNNING, NoticeState.RETURNED)}
    told: list[Account] = [
        transition(account, Cause.NOTICE, now)
        for account in read.values()
        if account.state in _WAITING and account.record in begun
    ]
    accounts.save(told, unit, read=read)


async def stop_clocks(events: Sequence[NoticeUndeliverableV1], unit: Unit, *, notices: NoticeStore) -> None:
    """Let the delay of a notice that did not arrive stand still, where operators see it."""

    def note(notice: Notice, event: NoticeUndeliverableV1) -> Notice:
        return note_return(notice, event.data.channel, event.data.motive)

    await _note(events, unit, notices, note)


async def _note(
    events: Sequence[E], unit: Unit, notices: NoticeStore, note: Callable[[Notice, E], Notice]
) -> list[Notice]:
    """Apply reports to their notices and return those that changed; what tells nothing new is ignored."""
    read = await notices.find({event.data.notice_id for event in events})
    current = dict(read)
    for event in events:
        before = current.get(event.data.notice_id)
        if before is None or before.record != event.subject:
            unit.wait(event, "notice-unknown")
            continue
        after = current[before.id] = note(before, event)
        if after is before:
            unit.ignore(event, "notice-reported")
    changed = [notice for name, notice in current.items() if notice is not read[name]]
    notices.save(changed, unit, read=read)
    return changed
