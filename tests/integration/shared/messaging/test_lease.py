"""The lease on a real database: one holder, and one that was overtaken writes nothing any more."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from shared.messaging.acts import LANES, perform
from shared.messaging.failures import FencedError
from shared.messaging.lease import Lease
from shared.messaging.runtime import Runtime
from shared.messaging.unit import Unit
from tests.integration.conftest import Installation
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

MOMENT = timedelta(milliseconds=150)


@pytest.fixture
async def runtime(installation: Installation) -> AsyncIterator[Runtime]:
    """Give a process's runtime."""
    async with runtime_of(installation) as opened:
        await opened.database.create_collection("things")
        yield opened


async def lease_of(runtime: Runtime, holder: str, lasts: timedelta = MOMENT) -> Lease:
    """Return an instance's claim."""
    lease = Lease(runtime.database, "jobs", holder, lasts=lasts)
    await lease.prepare()
    return lease


async def expiry() -> None:
    """Wait until a lease that is not renewed is over."""
    await asyncio.sleep(MOMENT.total_seconds() * 1.5)


async def make(runtime: Runtime, unit: Unit) -> None:
    """Write down one insertion."""

    async def insert(session: Any) -> None:
        await runtime.database["things"].insert_one({}, session=session)

    unit.apply(insert)


async def made(runtime: Runtime) -> int:
    """Return how many insertions were committed."""
    return await runtime.database["things"].count_documents({})


async def test_one_of_many_takes_it(runtime: Runtime):
    """Whoever asks at the same time, one instance gets the lease."""
    leases = [await lease_of(runtime, f"p{number}", timedelta(minutes=1)) for number in range(8)]

    taken = await asyncio.gather(*(lease.take() for lease in leases))

    assert sorted(taken) == [False] * 7 + [True]
    assert sum(lease.epoch for lease in leases) == 1


async def test_renewed_it_stays(runtime: Runtime):
    """An instance that shows that it lives keeps the lease beyond its time."""
    one, other = await lease_of(runtime, "p1"), await lease_of(runtime, "p2")
    assert await one.take()

    for _ in range(4):
        await asyncio.sleep(MOMENT.total_seconds() / 2)
        await one.renew()
        assert not await other.take()


async def test_released_it_is_free(runtime: Runtime):
    """An instance that stops lets another begin at once, in a new epoch."""
    one, other = await lease_of(runtime, "p1", timedelta(minutes=1)), await lease_of(runtime, "p2")
    assert await one.take()

    await one.release()

    assert await other.take()
    assert (one.epoch, other.epoch) == (1, 2)


async def test_a_late_release_takes_nothing_away(runtime: Runtime):
    """An instance that was overtaken neither renews nor releases what is another's."""
    one, other = await lease_of(runtime, "p1"), await lease_of(runtime, "p2", timedelta(minutes=1))
    assert await one.take()
    await expiry()
    assert await other.take()

    with pytest.raises(FencedError):
        await one.renew()
    await one.release()

    await other.renew()


async def test_who_was_frozen_is_refused(runtime: Runtime):
    """A holder that wakes up after its successor began is refused inside its transaction, in every lane."""
    frozen, successor = await lease_of(runtime, "p1"), await lease_of(runtime, "p2", timedelta(minutes=1))
    assert await frozen.take()
    await expiry()
    assert await successor.take()

    acts = [perform(runtime, partial(make, runtime), fence=frozen) for _ in range(LANES)]
    results = await asyncio.gather(*acts, return_exceptions=True)

    assert [type(result) for result in results] == [FencedError] * LANES
    assert await made(runtime) == 0
    await perform(runtime, partial(make, runtime), fence=successor)
    assert await made(runtime) == 1


async def test_taken_over_in_the_middle_of_an_act(runtime: Runtime):
    """A transaction that checked its fence before the take-over does not commit after it: the two meet."""
    slow, successor = await lease_of(runtime, "p1"), await lease_of(runtime, "p2", timedelta(minutes=1))
    assert await slow.take()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def work(unit: Unit) -> None:
        async def dawdle(_session: Any) -> None:
            inside.set()
            await go_on.wait()

        await make(runtime, unit)
        unit.apply(dawdle)

    act = asyncio.create_task(perform(runtime, work, fence=slow))
    await inside.wait()
    await expiry()
    take_over = asyncio.create_task(successor.take())
    await asyncio.sleep(0.3)
    committed_before = not take_over.done()
    go_on.set()
    (result,) = await asyncio.gather(act, return_exceptions=True)

    assert await take_over
    assert committed_before == (result is None)
    assert await made(runtime) == (1 if committed_before else 0)
