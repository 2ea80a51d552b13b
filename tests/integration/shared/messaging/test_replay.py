"""A replay by operators, of what a real worker parked, by workers in which the cause is mended."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import aio_pika
import pytest
from pydantic import SecretStr

from shared.contracts.operations import OperatorActedV1
from shared.messaging.held_acts import Act, HeldActs
from shared.messaging.held_sets import HeldSets
from shared.messaging.runtime import Runtime, open_runtime
from shared.settings import ServiceSettings
from tests.fakes.messaging import NOON
from tests.integration.shared.messaging.conftest import Rig
from tests.integration.shared.messaging.stand import FLOWS, HAPPENED, ThingData, ThingHappenedV1

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

YEARS = timedelta(days=800)
REPLAY = Act("alice", "replay", "mended")


def bad(count: int) -> list[ThingHappenedV1]:
    """Return events that no handler can bear until it is mended."""
    return [ThingHappenedV1(id=f"b{n}", source="/works", time=NOON, data=ThingData(n=-n)) for n in range(1, count + 1)]


@pytest.fixture
async def runtime(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """Open what the stand's operators' doors stand on."""
    monkeypatch.setattr("shared.messaging.runtime.FLOWS", FLOWS)
    settings = ServiceSettings(
        amqp_url=SecretStr(rig.url),
        mongo_url=SecretStr(rig.stack.mongo_url),
        database_suffix=rig.database.name.removeprefix("stand"),
        keys_dir=rig.stack.keys_dir,
        jwks_url="http://127.0.0.1:9/jwks",
        http_port=0,
    )
    async with open_runtime("stand", settings) as opened:
        async with await aio_pika.connect(
            rig.url
        ) as connection:  # what operators do goes to the log, which is not here
            channel = await connection.channel()
            await (await channel.declare_queue("log", durable=True)).bind("events", OperatorActedV1.TYPE)
        yield opened


async def test_a_replay_long_after_applies_once(rig: Rig, runtime: Runtime):
    """Parked for years, sent again meanwhile, replayed by two at once and redelivered: each event takes effect once."""
    events = bad(4)
    broken = rig.worker()
    await rig.until_consumed_by(1)
    for event in events:  # one by one: many that fail together would pause the flow
        await rig.publish([event])
        await rig.until(partial(_is, rig, event, "parked"), f"{event.id} to be parked")
    await rig.stop(broken)
    await rig.database["inbox"].update_many({}, {"$set": {"at": datetime.now(UTC) - YEARS}})
    sets, inbox = HeldSets(runtime.database), rig.database["inbox"]
    (group,), _ = await sets.groups({"queue": HAPPENED.queue})
    await sets.remember([group], "alice")
    seen = await sets.part(group.handle, 0, 100)

    acts = HeldActs(runtime, sets)
    done = await asyncio.gather(acts.on_seen(REPLAY, seen), acts.on_seen(REPLAY, seen))
    workers = [rig.worker(mended="1"), rig.worker(mended="1")]
    await rig.publish(events)  # a copy of each, while they are tried again

    await rig.until_kept(len(events))
    await rig.stop(*workers)
    assert sum(done) == len(events)
    assert set((await rig.effects()).values()) == {1}
    assert set((await rig.effects("told")).values()) == {1}
    assert (await sets.standing(await sets.head(group.handle) or {}))["applied"] == len(events)
    assert await acts.on_seen(REPLAY, seen) == 0
    row = await inbox.find_one({"_id": f"{HAPPENED.queue}|/works|b1"}) or {}
    assert (row["state"], [each["act"] for each in row["history"]]) == ("done", ["replay"])


async def _is(rig: Rig, event: ThingHappenedV1, state: str) -> bool:
    row = await rig.database["inbox"].find_one({"_id": f"{HAPPENED.queue}|{event.source}|{event.id}"})
    return row is not None and row["state"] == state
