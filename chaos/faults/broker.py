"""What a broker may do to its clients without dying: block publishers, deliver again and out of order."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from chaos.faults import NotNowError
from chaos.rig import Rig
from deploy.local.places import StackError
from shared.messaging.amqp import AmqpPublisher
from shared.messaging.store import OutboxRow
from shared.messaging.topology import EVENTS, FLOWS, LOGGED, RECORDS_REIMBURSEMENTS, Topology

BUSIEST: Final = RECORDS_REIMBURSEMENTS.queue

# Where one consumer is active at a time, a second one gets nothing.
_SHARED: Final = {flow.queue for flow in FLOWS if not flow.single_active}

PREFETCH: Final = 20
"""Messages that somebody takes from a queue at a time."""

PUBLISHERS: Final = ("ingest", "records", "notifications", "audit")

MOST: Final = 60
"""Messages that come again at a time."""

_LIMITS: Final = {
    "memory": "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000}).",
    "disk": "rabbit_disk_monitor:set_disk_free_limit(900000000000000).",
}
"""Limits that are passed already, in the words of the broker's own console."""

_ASK_AND_LET_GO: Final = (
    "Alarms = rabbit_alarm:get_alarms(), vm_memory_monitor:set_vm_memory_high_watermark(0.4), "
    "rabbit_disk_monitor:set_disk_free_limit(200000000), Alarms."
)

_GONE: Final = (AMQPError, PyMongoError, OSError, TimeoutError, asyncio.CancelledError)


@dataclass(slots=True)
class Alarm:
    """Memory or disk run low, as far as the broker knows: whoever publishes is blocked."""

    name: str = "alarm"
    lasts: float = 8.0
    seen: int = 0
    _set: bool = False

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Set a limit that is passed already."""
        what = dice.choice(sorted(_LIMITS))
        await _control(rig, "eval", _LIMITS[what])
        self._set = True
        return what

    async def heal(self, rig: Rig) -> None:
        """Set the usual limits again; the alarm is seen in what the broker says of itself."""
        if self._set:
            self._set = False
            with contextlib.suppress(NotNowError):  # a broker that began anew has its usual limits
                self.seen += "resource_limit" in await _control(rig, "eval", _ASK_AND_LET_GO)


async def _control(rig: Rig, *words: str) -> str:
    try:
        return await rig.broker.control(*words)
    except (StackError, TimeoutError) as error:
        raise NotNowError from error


@dataclass(slots=True)
class Requeue:
    """Somebody takes messages and goes away: they come back, marked as delivered before, in another order."""

    name: str = "requeue"
    lasts: float = 4.0
    seen: int = 0
    _connection: AbstractConnection | None = None
    _taken: Counter[str] = field(default_factory=Counter)

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Consume beside the workers, and acknowledge nothing."""
        queues = [BUSIEST, *dice.sample(sorted(_SHARED - {BUSIEST}), 4)]
        try:
            async with asyncio.timeout(30):
                self._connection = await rig.broker.connect()
                for queue in queues:
                    await self._take(await self._connection.channel(), queue)
        except _GONE as error:
            await self._go()
            raise NotNowError from error
        return f"{BUSIEST} and {len(queues) - 1} more queues"

    async def _take(self, channel: AbstractChannel, name: str) -> None:
        async def keep(_: AbstractIncomingMessage) -> None:
            self._taken[name] += 1

        await channel.set_qos(prefetch_count=PREFETCH)
        await (await channel.get_queue(name, ensure=False)).consume(keep)

    async def heal(self, rig: Rig) -> None:  # noqa: ARG002 - the connection is its own
        """Go away."""
        await self._go()
        self.seen += self._taken.total()
        self._taken.clear()

    async def _go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*_GONE):
                async with asyncio.timeout(5):
                    await connection.close()


@dataclass(slots=True)
class Repeat:
    """What services published comes a second time, in another order, as after an outage of a broker."""

    name: str = "repeat"
    lasts: float = 0.0
    seen: int = 0

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Publish rows of a service's outbox again."""
        published = {"unsent": {"$exists": False}, "exchange": {"$in": [EVENTS, LOGGED]}}
        before = self.seen
        for service in dice.sample(PUBLISHERS, len(PUBLISHERS)):
            with contextlib.suppress(*_GONE):
                sampled: list[dict[str, Any]] = [{"$match": published}, {"$sample": {"size": MOST}}]
                rows = [_row(document) async for document in await rig.mongo[service]["outbox"].aggregate(sampled)]
                async with asyncio.timeout(20):
                    await self._publish(rig, service, rows)
            if self.seen > before:
                return f"{self.seen - before} messages of {service}"
        raise NotNowError

    async def _publish(self, rig: Rig, service: str, rows: Sequence[OutboxRow]) -> None:
        publisher = AmqpPublisher(rig.stack.amqp_url("operator"), Topology(), service)
        await publisher.start()
        try:
            for row in rows:
                await publisher.publish(row)
                self.seen += 1
                rig.history.record("rig", "repeat", "ok", exchange=row.exchange, key=row.key, events=row.count)
        finally:
            await publisher.stop()

    async def heal(self, rig: Rig) -> None:
        """Nothing to undo."""


def _row(document: Mapping[str, Any]) -> OutboxRow:
    names = ("owner", "exchange", "key", "content_type", "count", "created")
    return OutboxRow(id=document["_id"], body=bytes(document["body"]), **{name: document[name] for name in names})


def broker() -> tuple[Alarm | Requeue | Repeat, ...]:
    """Return everything that a broker may do to its clients without dying."""
    return Alarm(), Requeue(), Repeat()
