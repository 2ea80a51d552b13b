"""A worker's connection for taking messages: every queue and its dead queue, each handed to its consumer."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aiormq.exceptions import ChannelInvalidStateError
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from shared.messaging.amqp import address
from shared.messaging.consumer import PREFETCH, Consumer
from shared.messaging.delivery import Delivery, origin_of
from shared.messaging.receipts import Receipts
from shared.messaging.runtime import Runtime
from shared.messaging.taps import SubscribedTap
from shared.messaging.topology import STRAIGHT, UNKNOWN, UPSTREAM, Flow, dead_queue

_GOODBYE_S: Final = 1.5
"""How long a broker may take to close the connection of a process that ends."""

log = structlog.get_logger()


class _Broker(RabbitBroker):
    """A broker that is left without a goodbye if it does not answer: the process has to end."""

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await super().stop(exc_type, exc_val, exc_tb)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is lost with it
            log.info("connection_left_open", place="consume", error=type(error).__name__)


class Receiving:
    """Subscribes consumers, and ends the subscriptions the right way round: cancel, settle, acknowledge, close.

    Nothing is acknowledged by itself. The publisher has declared the topology before. Every queue has a channel of its
    own, because the prefetch and an acknowledgement belong to a channel.
    """

    def __init__(self, runtime: Runtime, consumers: Sequence[Consumer[Any]]) -> None:
        settings = runtime.settings
        self.broker = _Broker(
            address(settings.amqp_url.get_secret_value(), f"{runtime.process}-consume", settings.heartbeat),
            apply_types=False,
            logger=None,
            graceful_timeout=_GOODBYE_S,
        )
        self._receipts: list[Receipts] = []
        self._taps: list[SubscribedTap] = []
        for consumer in consumers:
            flow = consumer.subscription.flow
            living = self._subscribe(flow.queue, PREFETCH, _as_delivery, consumer)
            # What the broker gave up delivering comes one at a time, and always as a suspect (rule 12).
            dead = self._subscribe(dead_queue(flow), 1, _as_suspect, consumer)
            consumer.taps = [living, dead]

    async def cancel(self) -> None:
        """Have the broker send nothing more."""
        await asyncio.gather(*(tap.cancel() for tap in self._taps))

    def held(self) -> Counter[str]:
        """Return how many messages are taken and not finished, by queue."""
        return Counter({receipts.queue: receipts.held for receipts in self._receipts})

    async def acknowledge(self) -> None:
        """Send what is to be acknowledged: the connection is about to close."""
        await asyncio.gather(*(receipts.sent() for receipts in self._receipts))

    def _subscribe(self, queue: str, prefetch: int, read: "_Read", consumer: Consumer[Any]) -> SubscribedTap:
        receipts = Receipts(queue)
        subscriber = self.broker.subscriber(
            RabbitQueue(queue, declare=False),
            channel=Channel(prefetch_count=prefetch),
            ack_policy=AckPolicy.MANUAL,
            decoder=partial(read, consumer.subscription.flow, receipts),
            no_reply=True,
        )
        subscriber(_receiver(consumer))
        self._receipts.append(receipts)
        self._taps.append(SubscribedTap(subscriber))
        return self._taps[-1]


_Read = Callable[[Flow, Receipts, StreamMessage[Any]], Awaitable[Delivery]]


def _receiver(consumer: Consumer[Any]) -> Callable[[Delivery], Awaitable[None]]:
    async def receive(delivery: Delivery) -> None:
        await consumer.offer(delivery)

    return receive


async def _as_delivery(flow: Flow, receipts: Receipts, message: StreamMessage[Any]) -> Delivery:
    raw = message.raw_message
    receipts.take(raw)
    ours = flow.exchange not in (UPSTREAM, UNKNOWN)  # insurers choose the properties of what they send
    return Delivery(
        body=raw.body,
        content_type=raw.content_type,
        routing_key=(raw.type if raw.exchange == STRAIGHT else raw.routing_key) or "",
        message_id=raw.message_id,
        user=raw.user_id,
        redelivered=bool(raw.redelivered),
        acknowledge=partial(receipts.finish, raw),
        origin=origin_of(raw.app_id, raw.timestamp) if ours else None,
        returns=returns_of(raw),
        gone=partial(is_gone, raw),
    )


def is_gone(message: AbstractIncomingMessage) -> bool:
    """Tell whether the channel that brought a message is closed; the library raises where it is asked for that one."""
    try:
        return bool(message.channel.is_closed)
    except ChannelInvalidStateError:
        return True


def returns_of(message: AbstractIncomingMessage) -> int | None:
    """Return how often a message came back to its quorum queue; None where the queue has counted nothing.

    The queue writes its count over what a sender wrote there, once it has one.
    """
    count = message.headers.get("x-delivery-count") if message.redelivered else None
    return count if isinstance(count, int) else None


async def _as_suspect(flow: Flow, receipts: Receipts, message: StreamMessage[Any]) -> Delivery:
    delivery = await _as_delivery(flow, receipts, message)
    delivery.routing_key = _first_key(flow, message.raw_message.headers)
    delivery.redelivered, delivery.returns = True, None  # the dead queue counts anew
    return delivery


def _first_key(flow: Flow, headers: Any) -> str:
    """Return the routing key by which a dead message came to its flow first.

    Most flows have one, and then nobody else is asked: what stands in a header may be its sender's own.
    """
    if flow.exchange != UNKNOWN and flow.key != "#":
        return flow.key
    deaths = headers.get("x-death") if isinstance(headers, dict) else None
    for death in deaths if isinstance(deaths, list) else ():
        keys = death.get("routing-keys") if isinstance(death, dict) and death.get("queue") == flow.queue else None
        if isinstance(keys, list) and keys and isinstance(keys[0], str):
            return keys[0]
    return flow.key
