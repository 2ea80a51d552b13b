"""A broker in memory: topic exchanges, quorum queues with a delivery limit, channels that close and hand back."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

from shared.messaging.failures import ReturnedError
from shared.messaging.store import OutboxRow
from shared.messaging.topology import DEAD, DELIVERY_LIMIT, Flow, dead_queue


class ClosedChannelError(ConnectionError):
    """The channel by which a message came is gone."""


@dataclass(slots=True)
class Message:
    """A message at the broker; ``returns`` counts how often somebody was given it and did not acknowledge it."""

    body: bytes
    content_type: str | None
    exchange: str
    key: str
    message_id: str | None = None
    user: str | None = None
    app_id: str | None = None
    timestamp: datetime | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    returns: int = 0


@dataclass(slots=True)
class Handed:
    """A message in a consumer's hands, with aio-pika's names."""

    message: Message
    channel: "InMemoryChannel"
    delivery_tag: int

    @property
    def body(self) -> bytes:
        """The message's bytes."""
        return self.message.body

    @property
    def content_type(self) -> str | None:
        """What the bytes are."""
        return self.message.content_type

    @property
    def exchange(self) -> str:
        """The exchange it was published to."""
        return self.message.exchange

    @property
    def routing_key(self) -> str:
        """The key it was published with."""
        return self.message.key

    @property
    def message_id(self) -> str | None:
        """The publisher's name for it."""
        return self.message.message_id

    @property
    def user_id(self) -> str | None:
        """The publisher, as the broker verified it."""
        return self.message.user

    @property
    def app_id(self) -> str | None:
        """The service that published it, as it says itself."""
        return self.message.app_id

    @property
    def timestamp(self) -> datetime | None:
        """When it was made, as its publisher says."""
        return self.message.timestamp

    @property
    def headers(self) -> dict[str, Any]:
        """Headers: ``x-death`` on what was dead-lettered."""
        return self.message.headers

    @property
    def redelivered(self) -> bool:
        """Whether it was handed over before."""
        return self.message.returns > 0

    async def ack(self, *, multiple: bool = False) -> None:
        """Acknowledge it, or all of its channel up to it; raise if the channel is gone."""
        self.channel.acknowledge(self.delivery_tag, multiple=multiple)


@dataclass(slots=True, eq=False, weakref_slot=True)
class InMemoryChannel:
    """A consumer of one queue; it holds at most ``prefetch`` messages."""

    broker: "InMemoryBroker"
    queue: str
    take: Callable[[Handed], None]
    prefetch: int
    held: dict[int, Message] = field(default_factory=dict)
    is_open: bool = True
    _tags: Any = field(default_factory=lambda: count(1))

    @property
    def is_closed(self) -> bool:
        """Whether the channel is gone."""
        return not self.is_open

    def hand(self, message: Message) -> None:
        """Give the consumer a message."""
        tag = next(self._tags)
        self.held[tag] = message
        self.take(Handed(message, self, tag))

    def acknowledge(self, tag: int, *, multiple: bool) -> None:
        """Forget what is finished."""
        if not self.is_open:
            raise ClosedChannelError
        for each in [held for held in self.held if held == tag or (multiple and held < tag)]:
            del self.held[each]
        self.broker.pump(self.queue)

    def close(self) -> None:
        """Hand back what was not acknowledged."""
        if self.is_open:
            self.is_open = False
            self.broker.leave(self)


class InMemoryBroker:
    """`Publisher` and queues; ``pick`` says which of so many waiting messages is handed over next."""

    def __init__(self, flows: tuple[Flow, ...], *, pick: Callable[[int], int] | None = None) -> None:
        self.queues: dict[str, deque[Message]] = {}
        self.limits: dict[str, int] = {}
        self.pick = pick or (lambda _waiting: 0)
        self.returned: list[Message] = []
        """What somebody was given and did not acknowledge."""
        self._flows = flows
        self._channels: dict[str, list[InMemoryChannel]] = {}
        for flow in flows:
            self.queues[flow.queue], self.queues[dead_queue(flow)] = deque(), deque()
            self.limits[flow.queue] = DELIVERY_LIMIT

    async def publish(self, row: OutboxRow) -> None:
        """See `Publisher.publish`."""
        service = row.owner.partition(".")[0]
        self.put(Message(row.body, row.content_type, row.exchange, row.key, row.id, None, service, row.created))

    def put(self, message: Message) -> None:
        """Route a message to every queue bound to its key; raise `ReturnedError` if there is none."""
        bound = [flow.queue for flow in self._flows if flow.exchange == message.exchange and _matches(flow, message)]
        if not bound:
            raise ReturnedError
        for queue in bound:
            self._enqueue(queue, message)

    async def depth(self, queue: str) -> int:
        """Return how many messages wait in a queue, those being processed left out."""
        return len(self.queues[queue])

    def unfinished(self) -> int:
        """Return how many messages wait or are in somebody's hands."""
        held = sum(len(channel.held) for channels in self._channels.values() for channel in channels)
        return held + sum(map(len, self.queues.values()))

    def subscribe(self, queue: str, take: Callable[[Handed], None], prefetch: int = 100) -> InMemoryChannel:
        """Open a channel that consumes a queue."""
        channel = InMemoryChannel(self, queue, take, prefetch)
        self._channels.setdefault(queue, []).append(channel)
        self.pump(queue)
        return channel

    def leave(self, channel: InMemoryChannel) -> None:
        """Take back a closed channel's messages, the first one first; what came back too often is dead."""
        self._channels[channel.queue].remove(channel)
        for message in reversed(channel.held.values()):
            message.returns += 1
            self.returned.append(message)
            if message.returns > self.limits.get(channel.queue, 1_000_000):
                self._bury(channel.queue, message)
            else:
                self.queues[channel.queue].appendleft(message)
        channel.held = {}
        self.pump(channel.queue)

    def pump(self, queue: str) -> None:
        """Hand over what waits, to each consumer in turn, as far as their prefetch allows."""
        waiting = self.queues[queue]
        while waiting and (free := [each for each in self._channels.get(queue, ()) if len(each.held) < each.prefetch]):
            place = self.pick(len(waiting))
            message = waiting[place]
            del waiting[place]
            min(free, key=lambda channel: len(channel.held)).hand(message)

    def _bury(self, queue: str, message: Message) -> None:
        death = {
            "queue": queue,
            "reason": "delivery_limit",
            "exchange": message.exchange,
            "routing-keys": [message.key],
        }
        dead = f"{queue}.dead"
        headers = {"x-death": [{**death, "count": 1}]}
        self._enqueue(dead, replace(message, exchange=DEAD, key=dead, headers=headers))

    def _enqueue(self, queue: str, message: Message) -> None:
        self.queues[queue].append(replace(message, returns=0))
        self.pump(queue)


def _matches(flow: Flow, message: Message) -> bool:
    return flow.key in ("#", message.key)
