"""A rig: the stand's processes, a publisher that does not give up, and a ledger."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from shared.contracts.event import Event
from shared.messaging.amqp import declare
from shared.messaging.cloudevents import join
from shared.messaging.topology import Topology, dead_queue
from tests.fakes.messaging import NOON
from tests.integration.shared.messaging.stand import FLOWS, ThingData, ThingHappenedV1

if TYPE_CHECKING:
    from deploy.local.stack import Stack

ROOT = Path(__file__).parents[4]
PATIENCE_S = 120.0


class Rig:
    """What a test needs to publish to the stand, disturb it and take stock."""

    def __init__(self, stack: "Stack", url: str, database: AsyncDatabase[dict[str, Any]], folder: Path) -> None:
        self.stack = stack
        self.database = database
        self.published: Counter[str] = Counter()
        """How often each event was handed to the broker and confirmed, by id."""
        self.url = url
        self._folder = folder
        self._workers: list[subprocess.Popen[bytes]] = []
        self._connection: AbstractRobustConnection | None = None
        self._channel: AbstractRobustChannel | None = None

    async def open(self) -> None:
        """Connect and declare, so that nothing has to wait for a worker to be up before it publishes."""
        self._connection = await aio_pika.connect_robust(self.url, reconnect_interval=0.3)
        channel = await self._connection.channel(on_return_raises=True)
        assert isinstance(channel, AbstractRobustChannel)
        await declare(channel, Topology(FLOWS))
        self._channel = channel

    async def close(self) -> None:
        """Stop what was started."""
        for process in self._workers:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self._connection is not None:
            await self._connection.close()

    def worker(self, port: str = "0", **failpoints: str) -> subprocess.Popen[bytes]:
        """Start a stand, its doors at any port or at one; ``die="before-ack"`` and the like are its failpoints."""
        environment = {
            **os.environ,
            "CARNET_AMQP_URL": self.url,
            "CARNET_HEARTBEAT": "4",
            "CARNET_MONGO_URL": self.stack.mongo_url,
            "CARNET_DATABASE_SUFFIX": self.database.name.removeprefix("stand"),
            "CARNET_KEYS_DIR": str(self.stack.keys_dir),
            "CARNET_JWKS_URL": "http://127.0.0.1:9/jwks",
            "CARNET_HTTP_PORT": port,
            "CARNET_RETRY_DELAYS": "0.2,0.4",
            **{f"STAND_{name.upper()}": value for name, value in failpoints.items()},
        }
        with (self._folder / f"stand-{len(self._workers)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.shared.messaging.stand"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._workers.append(process)
        return process

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish events as one message until the broker confirms it, whatever happens to the broker meanwhile."""
        body, content_type = join([event.to_json() for event in events])
        message = aio_pika.Message(
            body,
            content_type=content_type,
            message_id=uuid4().hex,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        async with asyncio.timeout(PATIENCE_S):
            while not await self._confirmed(message):  # noqa: ASYNC110 - nothing tells when the broker is back
                await asyncio.sleep(0.2)
        self.published.update(event.id for event in events)

    async def publish_to(self, queue: str, events: Sequence[Event]) -> None:
        """Put events into a queue, past every exchange of ours."""
        assert self._channel is not None
        body, content_type = join([event.to_json() for event in events])
        message = aio_pika.Message(body, content_type=content_type, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self._channel.default_exchange.publish(message, queue)
        self.published.update(event.id for event in events)

    async def _confirmed(self, message: aio_pika.Message) -> bool:
        assert self._channel is not None
        try:
            async with asyncio.timeout(5):
                exchange = await self._channel.get_exchange("events", ensure=False)
                await exchange.publish(message, ThingHappenedV1.TYPE, mandatory=True)
        except (Exception, asyncio.CancelledError):
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return False
        return True

    async def effects(self, collection: str = "things") -> Counter[str]:
        """Return how often each event took effect."""
        return Counter([row["event"] async for row in self.database[collection].find({})])

    async def count(self, collection: str, query: dict[str, Any] | None = None) -> int:
        """Return how many rows there are, 0 while the database is away."""
        with suppress(Exception):
            return int(await self.database[collection].count_documents(query or {}))
        return 0

    async def books(self) -> Counter[str]:
        """Return the ends of events of the flow, over all processes."""
        total: Counter[str] = Counter()
        async for row in self.database["books"].find({"_id.queue": FLOWS[0].queue}):
            total.update({name: row[name] for name in ("done", "resent", "redelivered") if name in row})
        return total

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> None:
        """Wait until a condition holds; fail with what was waited for and the ends of the workers' logs."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not await condition():
            if asyncio.get_running_loop().time() > deadline:
                pytest.fail(f"waited {seconds:.0f} s in vain: {what}\n{self.logs()}")
            await asyncio.sleep(0.05)

    async def until_kept(self, count: int) -> None:
        """Wait until as many things are kept, and as many told."""
        for collection in ("things", "told"):

            async def enough(name: str = collection) -> bool:
                return await self.count(name) >= count

            await self.until(enough, f"{count} rows in {collection}, there are {await self.count(collection)}")

    async def until_dead(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a worker to be killed by its failpoint."""

        async def dead() -> bool:
            return process.poll() is not None

        await self.until(dead, "the worker to reach its failpoint")
        assert process.returncode == -signal.SIGKILL, self.logs()

    async def stop(self, *processes: subprocess.Popen[bytes]) -> None:
        """Stop workers that have nothing left to do: what they did not acknowledge would be in the queue again."""
        await self.until_empty()
        for process in processes:
            process.terminate()
        for process in processes:

            async def gone(each: subprocess.Popen[bytes] = process) -> bool:
                return each.poll() is not None

            await self.until(gone, "a worker to stop", 25)
            assert process.returncode == 0, self.logs()

    async def queues(self) -> dict[str, tuple[int, int]]:
        """Return how many messages and consumers each queue has, the dead ones included."""
        assert self._connection is not None
        found = {}
        async with self._connection.channel() as channel:  # a channel remembers what it was told: a new one
            for name in [each for flow in FLOWS for each in (flow.queue, dead_queue(flow))]:
                told = (await channel.declare_queue(name, passive=True)).declaration_result
                found[name] = (told.message_count or 0, told.consumer_count or 0)
        return found

    async def left(self, queue: str) -> list[bool]:
        """Take what is left in a queue; tell of each message whether it was handed over before."""
        assert self._connection is not None
        seen = []
        async with self._connection.channel() as channel:
            taken = await channel.get_queue(queue, ensure=False)
            while (message := await taken.get(fail=False)) is not None:
                seen.append(bool(message.redelivered))
        return seen

    async def until_consumed_by(self, workers: int) -> None:
        """Wait until that many workers consume, the dead queues too."""

        async def consumed() -> bool:
            return all(consumers >= workers for _, consumers in (await self.queues()).values())

        await self.until(consumed, f"{workers} workers to consume")

    async def until_empty(self) -> None:
        """Wait until no message is to be handed over any more, and nothing is unsent."""

        async def empty() -> bool:
            ready = [messages for messages, _ in (await self.queues()).values()]
            return not any(ready) and not await self.count("outbox", {"unsent": True})

        await self.until(empty, "the queues and the outbox to be empty")

    async def assert_exactly_once(self) -> None:
        """Every published event has one effect and was told once; nothing is left anywhere."""
        kept, told = await self.effects(), await self.effects("told")
        missing, doubled = self.published.keys() - kept.keys(), {each for each, times in kept.items() if times > 1}
        assert not missing, f"{len(missing)} published events took no effect"
        assert not doubled, f"{len(doubled)} events took effect more than once"
        assert kept.keys() <= self.published.keys(), "events took effect that nobody published"
        assert told == kept, "what was told is not what was kept"
        assert {messages for messages, _ in (await self.queues()).values()} == {0}
        assert await self.count("outbox", {"unsent": True}) == 0
        books = await self.books()
        assert books["done"] == len(self.published)

    def logs(self) -> str:
        """Return the ends of the workers' logs."""
        return "\n".join(f"--- {path.name}\n{_end(path)}" for path in sorted(self._folder.glob("stand-*.log")))


def things(count: int, start: int = 0) -> list[ThingHappenedV1]:
    """Return that many different events."""
    numbers = range(start, start + count)
    return [ThingHappenedV1(id=f"t{n}", source="/works", time=NOON, data=ThingData(n=n)) for n in numbers]


def _end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


@pytest.fixture
async def rig(
    stack: "Stack",
    mongo_client: AsyncMongoClient[dict[str, Any]],
    amqp_url: Callable[..., str],
    vhost: str,
    tmp_path: Path,
) -> AsyncIterator[Rig]:
    """Give a rig on a virtual host and databases of its own."""
    suffix = f"_{uuid4().hex[:8]}"
    rig = Rig(stack, amqp_url("operator", vhost), mongo_client[f"stand{suffix}"], tmp_path)
    await rig.open()
    yield rig
    await rig.close()
    for name in ("stand", "vault"):
        await mongo_client.drop_database(name + suffix)
