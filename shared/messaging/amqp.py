"""The broker as Carnet needs it: a connection of its own for publishing, confirmed, with a real timeout."""

import uuid
from collections.abc import Collection
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError
from aiormq.exceptions import ChannelAccessRefused
from pamqp.common import FieldTable
from yarl import URL

from shared.errors import CarnetError
from shared.messaging.failures import ReturnedError
from shared.messaging.losses import answered
from shared.messaging.store import OutboxRow
from shared.messaging.topology import (
    DEAD,
    DEAD_ARGUMENTS,
    EXCHANGES,
    FEEDBACK,
    FEEDBACK_ARGUMENTS,
    STRAIGHT,
    Arguments,
    Flow,
    Topology,
    bindings,
    dead_queue,
    feedback_queue,
    queue_arguments,
    straight_key,
)

PUBLISH_TIMEOUT_S: Final = 5.0

START_TIMEOUT_S: Final = 30.0
"""How long a process may take to find its topology; whoever starts it tries again."""


def address(url: str, name: str, heartbeat: int) -> str:
    """Return the broker's address with a heartbeat, in seconds, and a connection name that an operator knows."""
    return str(URL(url).update_query(heartbeat=heartbeat, name=name))


class NoTopologyError(CarnetError):
    """The broker lacks an exchange or a queue, and this process's user may not declare any."""


async def ensure(connection: AbstractRobustConnection, topology: Topology) -> None:
    """Find the whole topology at the broker; declare it only where something is missing.

    In an installation the deployment declares it (`deploy/local/definitions.py`) and no service's user may: a missing
    queue then raises `NoTopologyError`, so that nobody publishes into the void.
    """
    try:
        async with connection.channel() as channel:
            await _find(channel, topology)
    except ChannelNotFoundEntity:
        try:
            async with connection.channel() as channel:
                await declare(channel, topology)
        except ChannelAccessRefused:
            raise NoTopologyError("the broker lacks a part of the topology: import the definitions into it") from None


async def _find(channel: AbstractChannel, topology: Topology) -> None:
    for name in EXCHANGES:
        await channel.declare_exchange(name, passive=True)
    own = (name for flow in topology.flows for name in (flow.queue, dead_queue(flow)))
    for name in (*own, *map(feedback_queue, topology.insurers)):
        await channel.declare_queue(name, passive=True)


async def declare(channel: AbstractChannel, topology: Topology) -> None:
    """Declare the whole topology; doing it again changes nothing."""
    exchanges = {
        name: await channel.declare_exchange(name, kind, durable=True, arguments=_table(arguments))
        for name, (kind, arguments) in EXCHANGES.items()
    }
    for flow in topology.flows:
        dead = await channel.declare_queue(dead_queue(flow), durable=True, arguments=_table(DEAD_ARGUMENTS))
        await dead.bind(exchanges[DEAD], dead_queue(flow))
        queue = await channel.declare_queue(flow.queue, durable=True, arguments=_table(queue_arguments(flow)))
        for exchange, key in bindings(flow):
            await queue.bind(exchanges[exchange], key)
    for insurer in topology.insurers:
        name = feedback_queue(insurer)
        queue = await channel.declare_queue(name, durable=True, arguments=_table(FEEDBACK_ARGUMENTS))
        await queue.bind(exchanges[FEEDBACK], insurer)


def _table(arguments: Arguments) -> FieldTable:
    return dict(arguments)


class AmqpPublisher:
    """Publishes persistent, mandatory messages and waits for the broker's confirmation."""

    def __init__(self, url: str, topology: Topology, service: str) -> None:
        self._url = url
        self._topology = topology
        self._service = service
        self._connection: AbstractRobustConnection | None = None
        self._channel: AbstractRobustChannel | None = None

    async def start(self) -> None:
        """Connect and find the whole topology; raise `TimeoutError` if that has no end.

        A connection that is lost in between is waited for by the library, for as long as that takes and longer.
        """
        async with answered(START_TIMEOUT_S):
            self._connection = await aio_pika.connect_robust(self._url, timeout=10)
            await ensure(self._connection, self._topology)
            channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        assert isinstance(channel, AbstractRobustChannel)  # noqa: S101 - what a robust connection gives
        self._channel = channel

    async def stop(self) -> None:
        """Close the connection; unconfirmed messages stay in the outbox."""
        if self._connection is not None:
            await self._connection.close()

    @property
    def connection(self) -> AbstractRobustConnection | None:
        """The publishing connection, if there ever was one; whether the broker answers on it is another question."""
        return self._connection

    async def depth(self, queue: str) -> int:
        """Return how many messages wait in a queue, those being processed left out; none where there is no queue."""
        return (await self.depths([queue]))[queue] or 0

    async def depths(self, queues: Collection[str]) -> dict[str, int | None]:
        """Return how many messages wait in each queue; None where the broker has no such queue."""
        if self._connection is None:
            raise ConnectionError("not connected")
        found: dict[str, int | None] = {}
        async with answered(PUBLISH_TIMEOUT_S):
            while left := [queue for queue in queues if queue not in found]:
                try:
                    async with self._connection.channel() as channel:
                        for queue in left:
                            declared = await channel.declare_queue(queue, passive=True)
                            found[queue] = declared.declaration_result.message_count or 0
                except ChannelNotFoundEntity:  # which ends the channel
                    found[next(queue for queue in left if queue not in found)] = None
        return found

    async def publish(self, row: OutboxRow) -> None:
        """See `Publisher.publish`."""
        await self._publish(row, row.id, row.exchange, row.key)

    async def publish_straight(self, row: OutboxRow, flow: Flow) -> None:
        """Publish a message once more, to one queue alone; its consumer sees it as it was, the inbox what is new."""
        # A message id must not be in flight twice, and the relay may be sending this row.
        await self._publish(row, f"{row.id}.{uuid.uuid4().hex}", STRAIGHT, straight_key(self._service, flow))

    async def _publish(self, row: OutboxRow, message_id: str, exchange_name: str, key: str) -> None:
        if self._channel is None:
            raise ConnectionError("not connected")
        message = aio_pika.Message(
            row.body,
            content_type=row.content_type,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message_id,
            type=row.key,
            app_id=self._service,
            timestamp=row.created,
        )
        async with answered(PUBLISH_TIMEOUT_S):
            exchange = await self._channel.get_exchange(exchange_name, ensure=False)
            try:
                await exchange.publish(message, key, mandatory=True)
            except DeliveryError as error:
                raise ReturnedError from error
