"""How a worker is put together."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

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
