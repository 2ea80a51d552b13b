"""How a worker is put together."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faststream.rabbit import RabbitBroker

from shared.messaging import instants, worker
from shared.messaging.rows import AlreadySealed
from tests.fakes.messaging import NOON, ManualClock
from tests.unit.shared.messaging.shop import Shop, message, thing


@pytest.mark.parametrize("ahead", [timedelta(hours=26), timedelta(minutes=-90)])
async def test_retries_wait_by_the_databases_clock(ahead: timedelta):
    """A calendar that jumps and comes back leaves nothing waiting for hours, nor due before its time (rule 2)."""
    shop, calendar = Shop(), ManualClock()
    calendar.advance(seconds=(instants.now() - NOON + ahead).total_seconds())
    settings = SimpleNamespace(retry_delays=(timedelta(seconds=1),))
    runtime = cast(
        "Any",
        SimpleNamespace(
            settings=settings, clock=calendar, inbox=shop.inbox, relay=None, process="p1", digest_key=bytes(32)
        ),
    )
    parts: dict[str, Any] = {"waiting": shop.inbox, "starts": None, "pressure": None, "turn": None}
    consumer = worker._consumer(runtime, shop.subscription, sealer=AlreadySealed(), **parts)
    (item,) = shop.read(message([thing(1)]))

    row = await consumer._settler.rows.culprit(item, "Bug@f:1")

    assert row.due is not None
    assert abs(row.due - instants.now()) < timedelta(minutes=1)
    assert abs(consumer._retries.clock.now() - instants.now()) < timedelta(minutes=1)


@pytest.mark.parametrize(("leaving", "failed"), [(False, True), (True, False)])
async def test_a_part_that_ends_unasked_ends_the_process(leaving: bool, failed: bool):
    """A consumer that was cancelled by nobody is a failure: the process would live on and leave its queue alone."""
    runtime: Any = SimpleNamespace(process="p1")
    shift = worker._Shift(runtime, SimpleNamespace(broker=RabbitBroker()), [], None, [])  # type: ignore[arg-type]
    shift._leaving = leaving
    part = asyncio.create_task(asyncio.Event().wait())
    part.add_done_callback(shift._ended)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    part.cancel()
    await asyncio.gather(part, return_exceptions=True)
    await asyncio.sleep(0)

    assert bool(shift._failures) is failed
