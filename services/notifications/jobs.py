"""What time starts: lots for the printer, e-mails, and what comes back of both."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from services.notifications.domain.notice import Aim
from services.notifications.domain.policy import Policy
from services.notifications.domain.wording import Wording
from services.notifications.handlers.letters import (
    Desk,
    Gathered,
    close_lot,
    gather_lot,
    make_lot,
    note_purge,
    resume_lot,
)
from services.notifications.handlers.mails import choose_mails, note_mails
from services.notifications.handlers.reports import Returns, apply_slip
from services.notifications.ports import Carrier, InTray, OutTray, Press, Verdict
from shared.messaging.acts import Perform
from shared.messaging.jobs import Job

_SLIPS: Final = 100

log = structlog.get_logger()


def jobs(
    *,
    desk: Desk,
    returns: Returns,
    press: Press,
    out_tray: OutTray,
    in_tray: InTray,
    carrier: Carrier,
    words: Mapping[Aim, Wording],
    address: tuple[str, ...],
    lot_size: int,
    presses: int,
    every: timedelta,
    kept: timedelta,
) -> list[Job]:
    """Return the service's jobs; e-mails only where the policy has them."""
    lots = partial(make_lots, desk=desk, press=press, tray=out_tray, lot_size=lot_size, presses=presses)
    found = [
        Job("lots", every, lots),
        Job("reports", every, partial(read_reports, returns=returns, tray=in_tray)),
        Job("purge", every, partial(purge, desk=desk, out_tray=out_tray, in_tray=in_tray, kept=kept)),
    ]
    if desk.policy is Policy.DECREE:
        mails = partial(send_mails, desk=desk, carrier=carrier, words=words, address=address)
        found.append(Job("mails", every, mails))
    return found


async def make_lots(perform: Perform, *, desk: Desk, press: Press, tray: OutTray, lot_size: int, presses: int) -> None:
    """Finish the lots that were begun, then make new ones, as many side by side as there are presses."""
    for lot in await desk.lots.unfinished():
        gathered = await perform(partial(resume_lot, lot=lot, desk=desk))
        await _finish(gathered, perform, desk, press, tray)
    while True:
        begun = []
        for _ in range(presses):
            more = await perform(partial(gather_lot, desk=desk, limit=lot_size))
            if more is None:
                break
            begun.append(more)
        if not begun:
            return
        await asyncio.gather(*(_finish(each, perform, desk, press, tray) for each in begun))


async def _finish(gathered: Gathered, perform: Perform, desk: Desk, press: Press, tray: OutTray) -> None:
    manifest = await make_lot(gathered, press=press, tray=tray)
    if gathered.lot is not None and manifest is not None:
        await perform(partial(close_lot, lot=gathered.lot, manifest=manifest, lots=desk.lots))
        log.info("lot_handed_over", key=gathered.lot.number, count=len(gathered.letters))


async def send_mails(
    perform: Perform, *, desk: Desk, carrier: Carrier, words: Mapping[Aim, Wording], address: tuple[str, ...]
) -> None:
    """Send e-mails until none is due or the mail server goes away."""
    while True:
        outgoing = await perform(partial(choose_mails, desk=desk, words=words, address=address))
        if not outgoing.looked_at:
            return
        ends = await carrier.carry(outgoing.mails)
        if ends:
            await perform(partial(note_mails, ends=ends, notices=desk.notices, policy=desk.policy, clock=desk.clock))
        if len(ends) < len(outgoing.mails):
            log.warning("mail_server_away", count=len(outgoing.mails) - len(ends))
            return


async def purge(perform: Perform, *, desk: Desk, out_tray: OutTray, in_tray: InTray, kept: timedelta) -> None:
    """Remove the files of lots that the printer is done with, and of what was reported, once they were kept enough.

    Files go first: a process that dies in between finds nothing to remove the next time, and notes it.
    """
    before = desk.clock.now() - kept
    for lot in await desk.lots.purgeable(before, _SLIPS):
        await out_tray.remove(lot.number)
        await perform(partial(note_purge, lot=lot, lots=desk.lots))
        log.info("lot_purged", key=lot.number)
    if gone := await in_tray.forget(before):
        log.info("slips_purged", count=gone)


async def read_reports(perform: Perform, *, returns: Returns, tray: InTray) -> None:
    """Apply what was reported back, slip by slip; one that was applied and not yet put away has no second effect."""
    for slip in await tray.waiting(_SLIPS):
        verdict = await perform(partial(apply_slip, slip=slip, returns=returns))
        if verdict is not Verdict.LATER:
            await tray.put_away(slip, verdict)
        if verdict is Verdict.QUARANTINE:
            log.warning("slip_in_quarantine", kind=slip.kind.name.lower())
