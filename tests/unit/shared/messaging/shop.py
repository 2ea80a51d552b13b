"""A toy service: it keeps each thing that happened, once, and tells that it did."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from shared.contracts.event import Data, Event
from shared.messaging.cloudevents import join
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Delivery, Incoming, Refusal
from shared.messaging.reading import read, read_again
from shared.messaging.relay import Relay
from shared.messaging.retries import Retries
from shared.messaging.rows import AlreadySealed, RowBody, RowMaker
from shared.messaging.settling import Settler
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.suspects import Suspects
from shared.messaging.topology import UPSTREAM, Flow
from shared.messaging.unit import Unit
from tests.fakes.messaging import NOON, InMemoryInbox, InMemoryOutbox, ManualClock, RecordingPublisher
from tests.fakes.starts import InMemoryStarts, Valve

SECRET = bytes(range(32))
BESIDE = ("emitted", "made", "heard", "rows")
"""What the books hold beside ends."""

FLOW = Flow("shop", "thing.happened.v1", UPSTREAM)


class ThingData(Data):
    """What happened."""

    n: int


class ThingHappenedV1(Event):
    """Something happened."""

    TYPE: ClassVar[str] = "thing.happened.v1"
    type: Literal["thing.happened.v1"] = "thing.happened.v1"
    data: ThingData


class ThingKeptV1(Event):
    """A thing is kept."""

    TYPE: ClassVar[str] = "thing.kept.v1"
    type: Literal["thing.kept.v1"] = "thing.kept.v1"
    data: ThingData


Thing = ThingHappenedV1


def thing(n: int, *, name: str | None = None, source: str = "/works") -> Thing:
    """Return an event; its id is its number unless it is named."""
    return Thing(id=name or f"t{n}", source=source, time=NOON, data=ThingData(n=n))


def things(count: int, start: int = 0) -> list[Thing]:
    """Return that many different events."""
    return [thing(n) for n in range(start, start + count)]


def message(events: Sequence[Event], **fields: Any) -> Delivery:
    """Return a delivery of these events."""
    body, content_type = join([event.to_json() for event in events])
    return raw_message(body, content_type=content_type, **fields)


def raw_message(body: bytes, **fields: Any) -> Delivery:
    """Return a delivery of any bytes."""
    given: dict[str, Any] = {
        "content_type": "application/cloudevents+json",
        "routing_key": Thing.TYPE,
        "message_id": "m1",
        "user": None,
        "redelivered": False,
        "acknowledge": _nothing,
    }
    return Delivery(body, **(given | fields))


class Shop:
    """The service on fakes; ``decide`` is what its handler does with each event besides keeping it."""

    def __init__(self, *, refuses: bool = False, flow: Flow = FLOW, process: str = "p1") -> None:
        self.kept: dict[str, int] = {}
        """How often each thing took effect, by id."""
        self.clock = ManualClock()
        self.outbox = InMemoryOutbox(self.clock)
        self.inbox = InMemoryInbox(self.outbox, [self.kept])
        self.publisher = RecordingPublisher()
        self.starts = InMemoryStarts()
        self.valve = Valve()
        self.decide: Callable[[Thing, Unit], object] = _keep
        self.batches: list[list[str]] = []
        """The ids of every batch that the handler was given."""
        self.refusals: list[Refusal] = []
        refuse = self._refuse if refuses else None
        self.subscription = Subscription(
            flow=flow, admit=of_contract(Thing), handler=self.keep, refuse=refuse, strict=refuses
        )
        self.worker(process)

    def worker(self, process: str) -> Settler[Thing]:
        """Start a process anew on the same storage: what was only in memory is gone."""
        self.relay = Relay(self.outbox, self.publisher, process)
        self.rows = RowMaker(self.subscription.flow.queue, AlreadySealed(), self.clock)
        self.settler = Settler(self.subscription, self.inbox, self.relay, self.rows, process)
        return self.settler

    def consumer(self) -> Consumer[Thing]:
        """Return a consumer over the present process."""
        suspects = Suspects(self.settler, self.starts.of(self.settler.process), SECRET)
        return Consumer(suspects, Retries(self.inbox, suspects, self.clock), self.valve)

    async def keep(self, events: Sequence[Thing], unit: Unit) -> None:
        """Keep each event about which nothing else is decided, and tell."""
        self.batches.append([event.id for event in events])
        for event in events:
            if self.decide(event, unit) is None:
                unit.apply(partial(self._insert, event.id))
                unit.emit(ThingKeptV1.new(source="/shop", time=NOON, data=event.data, cause=event))

    async def take(self, *deliveries: Delivery, settler: Settler[Thing] | None = None) -> None:
        """Settle deliveries as one batch."""
        items = [item for delivery in deliveries for item in self.read(delivery)]
        await (settler or self.settler).settle(items)

    async def take_things(self, count: int, start: int = 0) -> None:
        """Settle a message of that many different events."""
        await self.take(message(things(count, start)))

    async def retry(self, **after: float) -> int:
        """Let time pass, then settle what is due; return how many."""
        self.clock.advance(**after)
        held = await self.inbox.due(self.subscription.flow.queue, self.clock.now(), 1000)
        bodies = await self.rows.sealer.unseal([RowBody(each.key, each.body) for each in held])
        pairs = zip(held, bodies, strict=True)
        items = [read_again(self.subscription, each, body, SECRET) for each, body in pairs]
        if items:
            await self.settler.settle(items)
        return len(items)

    def read(self, delivery: Delivery) -> list[Incoming]:
        """Return a delivery's events."""
        return read(self.subscription, delivery, SECRET)

    @property
    def books(self) -> Counter[str]:
        """Return the ends that were counted: what the service told and what the ledger compares is left out."""
        counted = self.inbox.books.get(self.subscription.flow.queue, Counter())
        return Counter({name: count for name, count in counted.items() if name.split(".")[0] not in BESIDE})

    @property
    def told(self) -> list[str]:
        """Return the type and cause of every event in the outbox, in order."""
        rows = [each.row for each in self.outbox.rows.values()]
        return [f"{row.exchange}/{row.key}x{row.count}" for row in rows]

    def _refuse(self, refusals: Sequence[Refusal], _unit: Unit) -> None:
        self.refusals += refusals

    async def _insert(self, name: str, _session: object) -> None:
        await asyncio.sleep(0)
        self.kept[name] = self.kept.get(name, 0) + 1


def _keep(_event: Thing, _unit: Unit) -> None:
    return None


async def _nothing() -> None:
    return None
