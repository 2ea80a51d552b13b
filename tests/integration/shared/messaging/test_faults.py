"""Kill whatever can be killed: every published event takes effect once, and is told once (design §4)."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.integration.shared.messaging.conftest import Rig, things

if TYPE_CHECKING:
    from deploy.local.servers import Server
    from deploy.local.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SHORT = {"reread_ms": "300", "silent_ms": "1500", "beat_s": "0.3"}


async def test_killed_between_commit_and_acknowledgement(rig: Rig):
    """A worker killed after its commit and before its acknowledgement: the broker hands over again, once is once."""
    for start in range(0, 400, 100):
        await rig.publish(things(100, start))
    await rig.until_dead(rig.worker(die="before-ack", **SHORT))
    assert await rig.count("things") > 0, "killed before its commit: this test would show nothing"

    successor = rig.worker(**SHORT)
    await rig.until_kept(400)
    await rig.stop(successor)

    await rig.assert_exactly_once()
    books = await rig.books()
    assert books["redelivered"] > 0
    assert books["resent"] == 0


async def test_killed_between_commit_and_publication(rig: Rig):
    """A worker killed after its commit and before it published: another process adopts its outbox (rule 7)."""
    await rig.publish(things(50))
    await rig.until_dead(rig.worker(die="before-publish", **SHORT))
    assert await rig.count("outbox", {"unsent": True}) > 0, "killed before its commit: this test would show nothing"

    successor = rig.worker(**SHORT)
    await rig.until_kept(50)
    await rig.stop(successor)

    await rig.assert_exactly_once()


async def test_same_batches_to_two_workers_at_once(rig: Rig):
    """Every batch published twice and taken by two workers at once: one effect each, balanced books (rule 14)."""
    for _ in range(2):
        for start in range(0, 1000, 50):
            await rig.publish(things(50, start))
    workers = [rig.worker(**SHORT), rig.worker(**SHORT)]
    await rig.until_kept(1000)
    await rig.until(lambda: _ended(rig, 2000), "2,000 events in the books")
    await rig.stop(*workers)

    await rig.assert_exactly_once()
    assert {worker for worker in await _processes(rig) if worker}, "nobody worked"
    assert await rig.books() == {"done": 1000, "resent": 1000}


async def test_one_bad_event_among_200(rig: Rig):
    """One event that fails is parked after its attempts; the 199 beside it are done and the queue is empty (rule 2)."""
    worker = rig.worker(**SHORT)
    await rig.publish([*things(150), *things(1, -7), *things(49, 150)])
    await rig.until_kept(199)
    await rig.until(lambda: rig.count("inbox", {"state": "parked"}), "the bad event to be parked")
    await rig.stop(worker)

    del rig.published["t-7"]
    await rig.assert_exactly_once()
    parked = await rig.database["inbox"].find_one({"state": "parked"})
    assert parked is not None
    assert parked["_id"].endswith("|t-7")
    assert parked["fingerprint"].startswith("ArithmeticError@keep:")
    assert "body" in parked


@pytest.mark.parametrize("victim", ["broker", "database"])
async def test_server_killed_under_load(rig: Rig, stack: "Stack", victim: str):
    """RabbitMQ or mongod killed and started again under load: nothing is lost and nothing is done twice (rule 5)."""
    server: Server | None = getattr(stack, victim)
    if server is None:
        pytest.skip(f"the {victim} came from the environment: this test may not kill it")
    workers = [rig.worker(**SHORT), rig.worker(**SHORT)]
    await rig.until_consumed_by(2)
    enough = asyncio.Event()
    load = asyncio.create_task(_load(rig, enough))
    try:
        await rig.until(lambda: _at_least(rig, 500), "the load to flow")
        server.kill()
        server.launch()
        await asyncio.to_thread(server.wait)
        kept = await rig.count("things")
        await rig.until(lambda: _at_least(rig, kept + 500), "the load to flow again")
        enough.set()
        await load
    finally:
        load.cancel()
    await rig.until_kept(len(rig.published))
    assert [each.poll() for each in workers] == [None, None], rig.logs()
    await rig.stop(*workers)

    await rig.assert_exactly_once()


async def _load(rig: Rig, enough: asyncio.Event) -> None:
    for start in range(0, 100_000, 25):
        await rig.publish(things(25, start))
        if enough.is_set():
            return


async def _ended(rig: Rig, count: int) -> bool:
    return sum((await rig.books()).values()) >= count


async def _at_least(rig: Rig, count: int) -> bool:
    return await rig.count("things") >= count


async def _processes(rig: Rig) -> list[str]:
    return [row["_id"]["process"] async for row in rig.database["books"].find({})]
