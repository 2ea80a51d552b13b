"""What people decided, kept as told; a notice that this leaves nothing to say is withdrawn when its turn comes."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from services.notifications.domain.decision import Decision, is_moot
from services.notifications.domain.notice import Notice, NoticeState, ended
from services.notifications.ports import DecisionStore
from shared.contracts.records import AccountClosedV1, AccountOpenedV1, AccountOpposedV1
from shared.messaging.unit import Unit

Decided: TypeAlias = AccountOpenedV1 | AccountOpposedV1 | AccountClosedV1

_STATES: Final = {AccountOpenedV1.TYPE: "opened", AccountOpposedV1.TYPE: "opposed", AccountClosedV1.TYPE: "closed"}


async def keep_decisions(events: Sequence[Decided], unit: Unit, *, decisions: DecisionStore) -> None:
    """Keep each person's latest decision, by the account's version.

    Nothing is withdrawn here: the notice may be asked for by a message that comes after this one.
    """
    read = await decisions.find({event.subject for event in events})
    current = dict(read)
    for event in events:
        known = current.get(event.subject)
        if known is not None and known.version >= event.data.version:
            unit.ignore(event, "version-superseded")
            continue
        current[event.subject] = Decision(event.subject, event.data.version, _STATES[event.type])
    changed = [decision for record, decision in current.items() if decision is not read.get(record)]
    decisions.save(changed, unit, read=read)


async def without_moot(notices: Sequence[Notice], decisions: DecisionStore) -> tuple[list[Notice], list[Notice]]:
    """Return what is still to be sent, and the rest withdrawn; a letter that is in a lot already goes out."""
    known = await decisions.find({notice.record for notice in notices})
    moot = [notice for notice in notices if is_moot(notice, known.get(notice.record))]
    left = [notice for notice in notices if notice not in moot]
    return left, [ended(notice, NoticeState.WITHDRAWN, known[notice.record].state) for notice in moot]
