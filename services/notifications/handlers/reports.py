"""What comes back: the printer's receipts and production reports, the mail servers' failures; each counts once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from services.notifications.domain.lot import Lot, LotState, moved
from services.notifications.domain.notice import (
    EMAIL,
    POST,
    Notice,
    NoticeState,
    by_post,
    changed,
    ended,
    sent,
    taken_back,
)
from services.notifications.domain.policy import RULES, Policy, last_day
from services.notifications.domain.reports import Produced, read_bounce, read_production, read_receipt
from services.notifications.handlers.notices import sending, undeliverable
from services.notifications.ports import LotStore, NoticeStore, Slip, SlipKind, SlipStore, Verdict
from shared.clock import Clock, paris_date
from shared.errors import RefusedError
from shared.messaging.unit import Unit


@dataclass(frozen=True, slots=True)
class Returns:
    """What reading slips takes."""

    notices: NoticeStore
    lots: LotStore
    slips: SlipStore
    clock: Clock
    policy: Policy


async def apply_slip(unit: Unit, *, slip: Slip, returns: Returns) -> Verdict:
    """Apply a slip once; whatever is said twice, or in another order, changes nothing a second time."""
    if slip.raw is None or slip.kind is SlipKind.UNKNOWN:
        return Verdict.QUARANTINE
    if await returns.slips.known(slip.digest):
        return Verdict.DONE
    try:
        verdict = await _APPLY[slip.kind](slip.raw, unit, returns)
    except RefusedError:
        return Verdict.QUARANTINE
    if verdict is Verdict.DONE:
        returns.slips.add(slip.digest, returns.clock.now(), unit)
    return verdict


async def _receipt(raw: bytes, unit: Unit, returns: Returns) -> Verdict:
    """Note that a lot was accepted, or take its letters back if it was rejected."""
    receipt = read_receipt(raw)
    lot = await returns.lots.find(receipt.lot)
    if lot is None:
        return Verdict.QUARANTINE
    if lot.state is LotState.GATHERED:
        return Verdict.LATER
    if lot.state is not LotState.HANDED_OVER:
        return Verdict.DONE
    if receipt.accepted:
        returns.lots.save(moved(lot, LotState.ACCEPTED), unit, read=lot)
        return Verdict.DONE
    return await _rejected(lot, unit, returns)


async def _rejected(lot: Lot, unit: Unit, returns: Returns) -> Verdict:
    inside = await returns.notices.of_lot(lot.number)
    if any(notice.state is not NoticeState.IN_LOT for notice in inside):
        return Verdict.QUARANTINE  # some of it was posted all the same
    back = [taken_back(notice, returns.clock.now()) for notice in inside]
    returns.notices.save(back, unit, read={notice.id: notice for notice in inside})
    returns.lots.save(moved(lot, LotState.REJECTED, reason="rejected"), unit, read=lot)
    return Verdict.DONE


async def _production(raw: bytes, unit: Unit, returns: Returns) -> Verdict:
    """Note each letter that was posted or came back; the day of posting is what counts (F08)."""
    rows, unusable = read_production(raw)
    now = returns.clock.now()
    read = await returns.notices.find({row.notice for row in rows})
    current = dict(read)
    for row in rows:
        before = current.get(row.notice)
        if before is None or before.lot is None or row.on > paris_date(now):
            unusable += 1
        else:
            current[row.notice] = _produced(before, row, unit, returns)
    changes = [notice for notice in current.values() if notice is not read[notice.id]]
    returns.notices.save(changes, unit, read=read)
    return Verdict.QUARANTINE if unusable else Verdict.DONE


def _produced(notice: Notice, row: Produced, unit: Unit, returns: Returns) -> Notice:
    """A letter is posted once and comes back once; what became of it does not depend on which is told first."""
    if row.motive is not None:
        if notice.state not in (NoticeState.IN_LOT, NoticeState.SENT):
            return notice
        unit.emit(undeliverable(notice, POST, row.motive, returns.clock))
        return ended(notice, NoticeState.UNDELIVERABLE, row.motive)
    if notice.sent_on is not None or notice.state not in (NoticeState.IN_LOT, NoticeState.UNDELIVERABLE):
        return notice
    unit.emit(sending(notice, POST, row.on, returns.clock.now()))
    if notice.state is NoticeState.UNDELIVERABLE:
        return changed(notice, sent_on=row.on)
    return sent(notice, POST, row.on, last_day(returns.policy, row.on))


async def _bounce(raw: bytes, unit: Unit, returns: Returns) -> Verdict:
    """Send a letter to whom an e-mail did not reach (F05); until it is posted the delay does not run."""
    name = read_bounce(raw)
    if name is None:
        return Verdict.DONE
    read = await returns.notices.find({name})
    notice = read.get(name)
    if notice is None:
        return Verdict.QUARANTINE
    if notice.state is NoticeState.TO_SEND and notice.channel != POST:
        return Verdict.LATER
    if notice.state is NoticeState.SENT and notice.channel == EMAIL and POST in RULES[returns.policy].channels:
        unit.emit(undeliverable(notice, EMAIL, "bounced", returns.clock))
        returns.notices.save([by_post(notice, "bounced", returns.clock.now())], unit, read=read)
    return Verdict.DONE


_APPLY: Final[dict[SlipKind, Callable[[bytes, Unit, Returns], Awaitable[Verdict]]]] = {
    SlipKind.RECEIPT: _receipt,
    SlipKind.PRODUCTION: _production,
    SlipKind.BOUNCE: _bounce,
}
