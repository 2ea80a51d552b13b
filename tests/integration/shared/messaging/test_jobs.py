"""The role `jobs` on a real database: one instance works, another takes its place, nobody falls over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from shared.messaging.acts import Perform
from shared.messaging.ending import until_done
from shared.messaging.jobs import Job, Rota
from shared.messaging.lease import Lease
from shared.messaging.runtime import Runtime
from shared.messaging.unit import Unit
from tests.integration.conftest import Installation, until
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

LASTS = timedelta(milliseconds=300)
OFTEN = timedelta(milliseconds=10)

Act = Callable[[Perform], Awaitable[None]]


@pytest.fixture
async def runtimes(installation: Installation) -> AsyncIterator[list[Runtime]]:
    """Give the runtimes of two instances of one service."""
    async with AsyncExitStack() as opened:
        both = [await opened.enter_async_context(runtime_of(installation)) for _ in range(2)]
        await both[0].database.create_collection("marks")
        yield both


async def rota_of(runtime: Runtime, act: Act) -> Rota:
    """Return an instance with one job."""
    lease = Lease(runtime.database, "jobs", runtime.process, lasts=LASTS)
    await lease.prepare()
    return Rota(runtime, [Job("mark", OFTEN, act)], lease)


def marking(runtime: Runtime) -> Act:
    """Return an act that writes who did it."""

    async def act(perform: Perform) -> None:
        async def work(unit: Unit) -> None:
            async def insert(session: Any) -> None:
                await runtime.database["marks"].insert_one({"by": runtime.process}, session=session)

            unit.apply(insert)

        await perform(work)

    return act


async def marks(runtime: Runtime, by: Runtime | None = None) -> int:
    """Return how often the job was done, by an instance or by all."""
    return await runtime.database["marks"].count_documents({"by": by.process} if by else {})


async def test_one_works_and_the_other_follows(runtimes: list[Runtime]):
    """While one instance works the other does nothing; when it stops, the other begins."""
    rotas = [await rota_of(runtime, marking(runtime)) for runtime in runtimes]
    tasks = [asyncio.create_task(rota.run()) for rota in rotas]
    await until(lambda: _at_least(runtimes[0], 5))
    active = 0 if await marks(runtimes[0], by=runtimes[0]) else 1
    assert await marks(runtimes[0], by=runtimes[1 - active]) == 0

    await until_done([tasks[active]])
    before = await marks(runtimes[0], by=runtimes[active])
    await until(lambda: _at_least(runtimes[0], 3, by=runtimes[1 - active]))

    assert await marks(runtimes[0], by=runtimes[active]) == before
    await until_done(tasks)


async def test_overtaken_is_no_failure(runtimes: list[Runtime]):
    """An instance that was frozen is refused when it wakes up, stands by, and works again when it is its turn."""
    awake = asyncio.Event()
    mark = marking(runtimes[0])

    async def freezing(perform: Perform) -> None:
        if not await marks(runtimes[0]):
            await mark(perform)
        await awake.wait()
        await mark(perform)

    rota = await rota_of(runtimes[0], freezing)
    rota.lease.renew = _asleep  # type: ignore[method-assign]
    task = asyncio.create_task(rota.run())
    await until(lambda: _at_least(runtimes[0], 1))
    successor = Lease(runtimes[0].database, "jobs", "successor", lasts=LASTS)
    await until(successor.take)
    awake.set()
    await asyncio.sleep(LASTS.total_seconds() / 3)

    assert await marks(runtimes[0]) == 1
    assert not task.done()

    await successor.release()
    await until(lambda: _at_least(runtimes[0], 3))
    assert rota.lease.epoch == 3
    task.cancel()
    await asyncio.wait([task])


async def test_a_job_with_a_fault_stops_nothing_else(runtimes: list[Runtime]):
    """A job that fails is tried again at its next time, and shows, while the others go on."""
    calls: list[int] = []

    async def failing(_perform: Perform) -> None:
        calls.append(len(calls))
        if len(calls) < 3:
            raise ArithmeticError

    rota = await rota_of(runtimes[0], marking(runtimes[0]))
    rota.jobs = [*rota.jobs, Job("fail", timedelta(milliseconds=200), failing)]
    task = asyncio.create_task(rota.run())
    await until(lambda: _at_least(runtimes[0], 3))
    assert rota.failing == {"fail"}
    await until(_is_mended(rota))

    assert len(calls) >= 3
    task.cancel()
    await asyncio.wait([task])


async def _at_least(runtime: Runtime, count: int, by: Runtime | None = None) -> bool:
    return await marks(runtime, by) >= count


def _is_mended(rota: Rota) -> Callable[[], Awaitable[bool]]:
    async def mended() -> bool:
        return not rota.failing

    return mended


async def _asleep() -> None:
    await asyncio.sleep(3600)
