"""What time starts: the campaign reaches people, and their records open when the delay is over."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import structlog

from services.records.domain.campaign import Campaign
from services.records.handlers.campaign import open_due, put_opening_off, request_notices
from services.records.handlers.desk import Desk
from shared.clock import paris_date
from shared.messaging.acts import LANES, Perform
from shared.messaging.failures import Failure, classify, fingerprint
from shared.messaging.jobs import Job
from shared.messaging.unit import Unit

SLICE: Final = 20
"""Accounts that one transaction changes, as others change them too (rule 9)."""

ROUND: Final = SLICE * LANES * 2
"""What is looked for at once: enough for every lane, while it is still true."""

Act: TypeAlias = Callable[[Sequence[str], Unit], Awaitable[int]]
Alone: TypeAlias = Callable[[str, Unit], Awaitable[int]]

log = structlog.get_logger()


def jobs(
    desk: Desk, campaign: Campaign, *, notices_per_round: int, campaign_every: timedelta, deadlines_every: timedelta
) -> list[Job]:
    """Return records' jobs."""
    reach = partial(reach_people, desk=desk, campaign=campaign, limit=notices_per_round)
    return [
        Job("campaign", campaign_every, reach),
        Job("deadlines", deadlines_every, partial(open_records, desk=desk)),
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
    async with asyncio.TaskGroup() as tasks:
        slices = [
            tasks.create_task(_slice(perform, names[at : at + SLICE], act, failed))
            for at in range(0, len(names), SLICE)
        ]
    return sum(done.result() for done in slices)


async def _slice(perform: Perform, names: Sequence[str], act: Act, failed: Alone | None) -> int:
    try:
        return await _perform(perform, partial(act, names))
    except Exception as error:
        if failed is None or classify(error) is not Failure.DATA:
            raise
        if len(names) == 1:
            log.warning("opening_failed", fingerprint=fingerprint(error), error=type(error).__name__)
            return await _perform(perform, partial(failed, names[0]))
    middle = len(names) // 2
    return sum([await _slice(perform, half, act, failed) for half in (names[:middle], names[middle:])])


async def _perform(perform: Perform, work: Callable[[Unit], Awaitable[int]]) -> int:
    return await perform(work)
