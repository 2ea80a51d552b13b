"""What time starts: the campaign reaches people, their records open when the delay is over, what is left goes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import structlog

from services.records.domain.campaign import Campaign
from services.records.handlers.campaign import open_due, put_opening_off, request_notices
from services.records.handlers.desk import Desk
from services.records.handlers.sweeping import Sweep, sweep_contents
from shared.clock import paris_date
from shared.messaging.acts import Perform
from shared.messaging.failures import Failure, classify, fingerprint
from shared.messaging.jobs import Job
from shared.messaging.unit import Unit

SLICE: Final = 100
"""Accounts that one transaction changes. Others change them too, but rarely the same: a slice that meets somebody who
is just deciding is decided again, and halved if that goes on (rule 9). Slices of 20 cost nearly twice as much each."""

AT_ONCE: Final = 6
"""Slices under way: more do not make a database faster, and leave lanes to whoever else acts."""

ROUND: Final = SLICE * AT_ONCE * 4
"""What is looked for at once: enough to keep all of them at work, while it is still true."""

Act: TypeAlias = Callable[[Sequence[str], Unit], Awaitable[int]]
Alone: TypeAlias = Callable[[str, Unit], Awaitable[int]]

log = structlog.get_logger()


def jobs(
    desk: Desk,
    campaign: Campaign,
    sweep: Sweep,
    *,
    notices_per_round: int,
    campaign_every: timedelta,
    deadlines_every: timedelta,
    gc_every: timedelta,
) -> list[Job]:
    """Return records' jobs."""
    reach = partial(reach_people, desk=desk, campaign=campaign, limit=notices_per_round)
    return [
        Job("campaign", campaign_every, reach),
        Job("deadlines", deadlines_every, partial(open_records, desk=desk)),
        Job("gc", gc_every, partial(sweep_contents, sweep=sweep)),
    ]


async def reach_people(perform: Perform, *, desk: Desk, campaign: Campaign, limit: int) -> None:
    """Ask for the notices of those whom the campaign reaches by now, at most so many (F01)."""
    territory = campaign.territory(paris_date(desk.clock.now()))
    act = partial(
        request_notices,
        accounts=desk.accounts,
        notices=desk.notices,
        vault=desk.vault,
        campaign=campaign,
        codes_key=desk.codes_key,
        clock=desk.clock,
    )
    while territory is not None and limit > 0:
        found = await desk.accounts.unreached(territory, min(limit, ROUND))
        if not await _in_slices(perform, found, act):
            return
        limit -= len(found)


async def open_records(perform: Perform, *, desk: Desk) -> None:
    """Open the records of everybody whose delay is over by now (F09)."""
    act = partial(open_due, accounts=desk.accounts, notices=desk.notices, clock=desk.clock)
    while await _in_slices(perform, await _due(desk), act, partial(_put_off, desk=desk)):
        pass


async def _due(desk: Desk) -> Sequence[str]:
    now = desk.clock.now()
    return await desk.notices.due(paris_date(now), now, ROUND)


async def _put_off(name: str, unit: Unit, *, desk: Desk) -> int:
    return await put_opening_off(
        name, unit, notices=desk.notices, vault=desk.vault, codes_key=desk.codes_key, clock=desk.clock
    )


async def _in_slices(perform: Perform, names: Sequence[str], act: Act, failed: Alone | None = None) -> int:
    """Do an act slice by slice, several at the same time; return how many of those named it concerned.

    ``failed`` is done instead for the one that the act fails on, and the others do not wait for it.
    """
    free = asyncio.Semaphore(AT_ONCE)

    async def one(part: Sequence[str]) -> int:
        async with free:
            return await _slice(perform, part, act, failed)

    async with asyncio.TaskGroup() as tasks:
        slices = [tasks.create_task(one(names[at : at + SLICE])) for at in range(0, len(names), SLICE)]
    return sum(done.result() for done in slices)


async def _slice(perform: Perform, names: Sequence[str], act: Act, failed: Alone | None) -> int:
    """Do an act on a slice; on its halves if somebody else keeps changing it, or something in it is at fault."""
    try:
        return await _perform(perform, partial(act, names))
    except Exception as error:
        kind = classify(error)
        if kind is Failure.DATA and failed is not None and len(names) == 1:
            log.warning("opening_failed", fingerprint=fingerprint(error), error=type(error).__name__)
            return await _perform(perform, partial(failed, names[0]))
        if len(names) == 1 or not (kind is Failure.CONFLICT or (kind is Failure.DATA and failed is not None)):
            raise
    middle = len(names) // 2
    return sum([await _slice(perform, half, act, failed) for half in (names[:middle], names[middle:])])


async def _perform(perform: Perform, work: Callable[[Unit], Awaitable[int]]) -> int:
    return await perform(work)
