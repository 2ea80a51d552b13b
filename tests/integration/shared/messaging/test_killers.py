"""An event that ends every process that takes it up ends few, and takes none of its neighbours with it (rule 6)."""

import subprocess
from typing import Any

import pytest

from shared.messaging.topology import dead_queue
from tests.integration.shared.messaging.conftest import Rig, things
from tests.integration.shared.messaging.stand import FLOWS, KILLER, RELAPSE, UNREADABLE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SHORT = {"reread_ms": "300", "silent_ms": "1000", "beat_s": "0.2"}


class Supervisor:
    """Starts a worker again each time it ends, as an orchestrator does, and counts."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.crashes = 0
        self.worker: subprocess.Popen[bytes] = rig.worker(**SHORT)

    async def until_parked(self, count: int = 1, most: int = 8) -> list[dict[str, Any]]:
        """Keep the worker running until so many events are parked; give their rows."""

        async def parked() -> bool:
            if self.worker.poll() is not None:
                self.crashes += 1
                assert self.crashes <= most, self.rig.logs()
                self.worker = self.rig.worker(**SHORT)
            return await self.rig.count("inbox", {"state": "parked"}) >= count

        await self.rig.until(parked, "the killer to be parked", 150)
        return await self.rig.database["inbox"].find({"state": "parked"}).to_list()


@pytest.fixture
def supervisor(rig: Rig) -> Supervisor:
    """Give a worker that is started again and again; `Rig.close` ends the last."""
    return Supervisor(rig)


async def test_killer_alone_in_its_message(rig: Rig, supervisor: Supervisor):
    """H 95: a message that kills the handler's process ends three, is parked unexecuted, and the others flow."""
    await rig.publish(things(1, KILLER))
    for start in range(0, 60, 20):
        await rig.publish(things(20, start))
    parked = await supervisor.until_parked()
    await rig.until_kept(60)
    await rig.stop(supervisor.worker)

    assert supervisor.crashes == 3
    assert [(row["_id"].rpartition("|")[2], row["reason"]) for row in parked] == [(f"t{KILLER}", "process-killer")]
    del rig.published[f"t{KILLER}"]
    await rig.assert_exactly_once()
    assert await rig.count("started", {"steps": {"$exists": True}}) == 0


async def test_killer_among_200(rig: Rig, supervisor: Supervisor):
    """One killer in a message of 200 ends four processes: one event is parked and 199 are applied, once."""
    await rig.publish([*things(150), *things(1, KILLER), *things(49, 150)])
    await rig.publish(things(50, 199))
    parked = await supervisor.until_parked()
    await rig.until_kept(249)
    await rig.stop(supervisor.worker)

    assert supervisor.crashes == 4
    assert [row["reason"] for row in parked] == ["process-killer"]
    del rig.published[f"t{KILLER}"]
    await rig.assert_exactly_once()


async def test_killer_when_read(rig: Rig, supervisor: Supervisor):
    """A message that kills whoever reads it is parked whole and unread; what came beside it is applied."""
    await rig.publish([*things(10), *things(1, UNREADABLE)])
    await rig.publish(things(50, 10))
    parked = await supervisor.until_parked()
    await rig.until_kept(50)
    await rig.stop(supervisor.worker)

    assert supervisor.crashes == 4
    assert [row["reason"] for row in parked] == ["process-killer"]
    assert parked[0]["body"].count(b"specversion") == 11
    assert await rig.effects() == {f"t{n}": 1 for n in range(10, 60)}


async def test_killer_in_a_retry(rig: Rig, supervisor: Supervisor):
    """A waiting event that kills in its retry ends three processes and is parked; those due with it are applied."""
    await rig.publish([*things(5), *things(1, RELAPSE)])
    parked = await supervisor.until_parked()
    await rig.until_kept(5)
    await rig.stop(supervisor.worker)

    assert supervisor.crashes == 3
    assert [(row["_id"].rpartition("|")[2], row["reason"]) for row in parked] == [(f"t{RELAPSE}", "process-killer")]
    del rig.published[f"t{RELAPSE}"]
    await rig.assert_exactly_once()


async def test_replayed_killer_is_tried_alone(rig: Rig, supervisor: Supervisor):
    """H 99: a parked killer that is replayed gets the same checks: it ends two more, alone, and is parked again."""
    await rig.publish(things(1, KILLER))
    (row,) = await supervisor.until_parked()
    before = supervisor.crashes
    replay = {"$set": {"state": "waiting", "due": row["at"], "attempts": 0}}
    await rig.database["inbox"].update_one({"_id": row["_id"]}, replay)
    await rig.publish(things(20))
    (again,) = await supervisor.until_parked()
    await rig.until_kept(20)
    await rig.stop(supervisor.worker)

    assert supervisor.crashes - before == 2
    assert again["reason"] == "process-killer"
    del rig.published[f"t{KILLER}"]
    await rig.assert_exactly_once()


async def test_replayed_message_that_was_not_read(rig: Rig, supervisor: Supervisor):
    """A message parked unread is replayed when what killed is mended: each of its events takes effect, once."""
    await rig.publish([*things(3), *things(1, UNREADABLE)])
    (row,) = await supervisor.until_parked()
    mended = bytes(row["body"]).replace(str(UNREADABLE).encode(), b"7")
    replay = {"$set": {"state": "waiting", "due": row["at"], "attempts": 0, "body": mended}}
    await rig.database["inbox"].update_one({"_id": row["_id"]}, replay)
    await rig.until_kept(4)
    await rig.stop(supervisor.worker)

    assert await rig.count("inbox", {"state": "done", "_id": row["_id"]}) == 1
    assert set((await rig.effects()).values()) == {1}


async def test_dead_queue_is_fed_back(rig: Rig):
    """What the broker gave up delivering is taken from the dead queue as suspect, and is done (rule 12)."""
    flow = FLOWS[0]
    await rig.publish_to(dead_queue(flow), things(3))
    worker = rig.worker(**SHORT)
    await rig.until_kept(3)
    await rig.stop(worker)

    await rig.assert_exactly_once()
    assert (await rig.queues())[dead_queue(flow)] == (0, 0)
