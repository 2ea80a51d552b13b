"""From the queue to a witnessed checkpoint, with processes as they run: sequencer, signer, two witnesses."""

import asyncio
import time
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import aio_pika
import orjson
from pymongo import MongoClient
from pymongo.collection import Collection

from bench.audit_storage import Row
from bench.stack import Ground
from deploy.local.ports import assign
from deploy.local.processes import stop_together
from deploy.local.roles import ALL
from deploy.local.system import System, start_roles
from shared.messaging.cloudevents import BATCH
from shared.messaging.topology import EVENTS

ROLES: Final = ("issuer", "witness.north", "witness.south", "audit.jobs")
EVENTS_IN_QUEUE: Final = 40_000
PER_MESSAGE: Final = 200
_PATIENCE_S: Final = 180


def queue_to_checkpoint(where: Ground) -> list[Row]:
    """Let events wait in the queue, start the sequencer, and wait until a published checkpoint covers the last."""
    system = System(where.stack, {}, assign(where.stack.home, [role.name for role in ALL]))
    try:
        start_roles(system, only=ROLES)
        asyncio.run(_fill(where))
        start_roles(system, only=["audit.worker"])
        with MongoClient[dict[str, object]](where.stack.mongo_url) as client:
            database = client["audit"]
            began = _wait(database["leaves"].estimated_document_count, 1)
            logged = _wait(lambda: _size(database["head"]), EVENTS_IN_QUEUE)
            published = _wait(lambda: _size(database["checkpoints"]), EVENTS_IN_QUEUE)
    finally:
        stop_together([role.running for role in system.roles.values() if role.running is not None])
    rate = EVENTS_IN_QUEUE / (published - began)
    beside = f"in the log: {EVENTS_IN_QUEUE / (logged - began):,.0f}/s; the last waited {published - logged:.1f} s"
    return [Row(f"queue to witnessed checkpoint, {PER_MESSAGE} per message", rate, "events/s", beside)]


async def _fill(where: Ground) -> None:
    await where.empty_queues()
    async with await aio_pika.connect(where.stack.amqp_url("operator")) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS, ensure=False)
        for _ in range(EVENTS_IN_QUEUE // PER_MESSAGE):
            body = orjson.dumps([_event() for _ in range(PER_MESSAGE)])
            message = aio_pika.Message(body, content_type=BATCH, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await exchange.publish(message, "line.kept.v1")


def _event() -> dict[str, object]:
    data = {"sealed": "A" * 220}
    return {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "/ingest",
        "type": "line.kept.v1",
        "subject": uuid4().hex,
        "data": data,
    }


def _size(collection: Collection[dict[str, object]]) -> int:
    """Return the size that the head has, or the last checkpoint."""
    row = next(iter(collection.find().sort("_id", -1).limit(1)), None)
    return 0 if row is None else int(str(row.get("size", row["_id"])))


def _wait(reached: Callable[[], int], size: int) -> float:
    deadline = time.monotonic() + _PATIENCE_S
    while reached() < size:
        if time.monotonic() > deadline:
            raise SystemExit(f"not {size} within {_PATIENCE_S} s")
        time.sleep(0.02)
    return time.perf_counter()
