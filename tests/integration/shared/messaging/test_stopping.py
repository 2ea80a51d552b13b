"""A worker that is told to stop holds nothing when it is gone; one that cannot work gives back what it holds."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from shared.messaging.pressure import Pressure
from tests.integration.shared.messaging.conftest import Rig, things
from tests.integration.shared.messaging.stand import FLOWS

if TYPE_CHECKING:
    from deploy.local.servers import Server
    from deploy.local.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SHORT = {"reread_ms": "300", "silent_ms": "1500", "beat_s": "0.3"}
GRACE_S = 15.0
"""What every deployment of ours gives a process at least before it is killed."""


@pytest.fixture
async def broker(stack: "Stack") -> AsyncIterator["Server"]:
    """Give the broker, to be disturbed; it runs again afterwards."""
    server: Server | None = stack.broker  # type: ignore[assignment]
    if server is None or server.running is None:
        pytest.skip("the broker came from the environment: this test may not disturb it")
    yield server
    with suppress(ProcessLookupError):
        os.killpg(server.running.pid, signal.SIGCONT)
    if not await asyncio.to_thread(server.ready):
        server.launch()
        await asyncio.to_thread(server.wait)


@pytest.fixture
async def database(stack: "Stack") -> AsyncIterator["Server"]:
    """Give the database's server, to be killed; it runs again afterwards."""
    server: Server | None = stack.database  # type: ignore[assignment]
    if server is None:
        pytest.skip("the database came from the environment: this test may not disturb it")
    yield server
    if not await asyncio.to_thread(server.ready):
        server.launch()
        await asyncio.to_thread(server.wait)


async def test_stop_under_load_returns_nothing(rig: Rig):
    """SIGTERM under load: no message is handed over again, none is lost, and the process ends with 0."""
    for start in range(0, 4000, 5):
        await rig.publish(things(5, start))
    worker = rig.worker(**SHORT)
    await rig.until_consumed_by(1)
    await _stopped(rig, worker)

    left = await rig.left(FLOWS[0].queue)
    kept = await rig.count("things")
    assert left, "everything was done before it was told to stop: this test shows nothing"
    assert sum(left) == 0, f"{sum(left)} of {len(left)} messages were handed over before"
    assert kept + 5 * len(left) == 4000


async def test_stop_without_a_broker(rig: Rig, broker: "Server"):
    """SIGTERM while the broker is down: the process ends with 0 in time, and what it committed is sent later."""
    worker = await _busy(rig)
    broker.kill()
    await _stopped(rig, worker)
    broker.launch()
    await asyncio.to_thread(broker.wait)

    successor = rig.worker(**SHORT)
    await rig.until_kept(len(rig.published))
    await rig.stop(successor)
    await rig.assert_exactly_once()


async def test_stop_with_a_frozen_broker(rig: Rig, broker: "Server"):
    """SIGTERM while the broker neither answers nor hangs up: the process ends with 0 in time."""
    worker = await _busy(rig)
    assert broker.running is not None
    os.killpg(broker.running.pid, signal.SIGSTOP)
    await _stopped(rig, worker)


async def test_stop_without_a_database(rig: Rig, database: "Server"):
    """SIGTERM while the database is down: what is held is left to the broker, and the process ends with 0 in time."""
    worker = await _busy(rig)
    database.kill()
    await _stopped(rig, worker)
    database.launch()
    await asyncio.to_thread(database.wait)

    successor = rig.worker(**SHORT)
    await rig.until_kept(len(rig.published))
    await rig.stop(successor)
    await rig.assert_exactly_once()


async def test_long_outage_gives_everything_back_once(rig: Rig, database: "Server"):
    """A database away for too long: the messages go back to the broker, once, and are taken again when it is there."""
    worker = rig.worker(outage_s="2", probe_s="0.3", **SHORT)
    await rig.until_consumed_by(1)
    database.kill()
    for start in range(0, 100, 5):
        await rig.publish(things(5, start))
    await rig.until(lambda: _returned(rig, 20), "the messages to be back in the queue")
    await asyncio.sleep(3)
    assert await _returned(rig, 20), "they were taken again while the database was away"
    database.launch()
    await asyncio.to_thread(database.wait)
    await rig.until_kept(100)
    await rig.stop(worker)

    await rig.assert_exactly_once()
    assert rig.logs().count("consumer_given_back") >= 1


async def test_pressure_is_what_is_unsent(rig: Rig):
    """Too much is unsent when the oldest message is older than a minute or all together are larger than 1 GB."""
    database = rig.database
    pressure = Pressure(database, most=100)
    await pressure.prepare()
    assert (await pressure.look()).size == 0
    assert not pressure.high

    new = {"owner": "p", "unsent": True, "size": 60}
    await database["outbox"].insert_one({**new, "created": await _ago(database, 5)})
    await pressure.look()
    assert not pressure.high
    await database["outbox"].insert_one({**new, "created": await _ago(database, 4)})
    assert (await pressure.look()).size == 120
    assert pressure.high

    await database["outbox"].update_many({}, {"$unset": {"unsent": ""}})
    await pressure.look()
    assert not pressure.high
    await database["outbox"].insert_one({"owner": "p", "unsent": True, "size": 1, "created": await _ago(database, 61)})
    assert (await pressure.look()).age.total_seconds() > 60
    assert pressure.high


async def _ago(database: Any, seconds: int) -> Any:
    found = await database.aggregate([{"$documents": [{"at": {"$subtract": ["$$NOW", seconds * 1000]}}]}])
    return (await found.to_list())[0]["at"]


async def _busy(rig: Rig) -> "subprocess.Popen[bytes]":
    """Give a worker with plenty to do."""
    for start in range(0, 1000, 5):
        await rig.publish(things(5, start))
    worker = rig.worker(**SHORT)
    await rig.until_consumed_by(1)
    await rig.until(lambda: _at_least(rig, 50), "the worker to work")
    return worker


async def _stopped(rig: Rig, worker: "subprocess.Popen[bytes]") -> None:
    """Tell a worker to stop and see that it does, in time and with 0."""
    began = monotonic()
    worker.terminate()
    code = await asyncio.to_thread(worker.wait, 60)
    assert code == 0, rig.logs()
    assert monotonic() - began < GRACE_S, rig.logs()


async def _at_least(rig: Rig, count: int) -> bool:
    return await rig.count("things") >= count


async def _returned(rig: Rig, count: int) -> bool:
    return (await rig.queues())[FLOWS[0].queue] == (count, 0)
