"""Messages that arrive in every order, at two workers of a service at once, some of them twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, Final

import orjson

from shared.contracts.event import Event
from shared.messaging.delivery import Delivery
from shared.messaging.reading import read, read_again
from shared.messaging.relay import Relay
from shared.messaging.rows import AlreadySealed, RowMaker
from shared.messaging.settling import Settler
from shared.messaging.store import Inbox
from shared.messaging.subscription import Subscription
from shared.messaging.topology import UPSTREAM
from tests.fakes.messaging import InMemoryInbox, InMemoryOutbox, ManualClock, RecordingPublisher
from tests.unit.simulation.chance import heard_in
from tests.unit.simulation.loop import SimulatedLoop, simulate

SECRET: Final = bytes(range(32))
WORKERS: Final = ("p1", "p2")

Body = Event | dict[str, Any]
"""An event of ours, or the document of an insurer's."""


@dataclass
class Room:
    """A service whose flows have two workers each; ``state`` tells what is left to compare in the end."""

    subscriptions: Sequence[Subscription[Any]]
    stores: Sequence[dict[Any, Any]]
    state: Callable[["Room"], Any]
    user: str | None = None
    """Who publishes upstream."""
    clock: ManualClock = field(default_factory=ManualClock)
    flow_of: Callable[[Body], str] | None = None
    """The key of the flow that an event comes by; its type unless given."""
    inbox_of: Callable[[str], Inbox] | None = None
    """By worker; in memory unless given."""

    def __post_init__(self) -> None:
        """Hire two workers for each flow."""
        self.outbox = InMemoryOutbox(self.clock)
        self.inbox = InMemoryInbox(self.outbox, self.stores)
        inbox_of = self.inbox_of or self.inbox.beside
        relay = Relay(self.outbox, RecordingPublisher(), "p1")
        self._workers = {
            (each.flow.key, name): Settler(
                each, inbox_of(name), relay, RowMaker(each.flow.queue, AlreadySealed(), self.clock), name
            )
            for each in self.subscriptions
            for name in WORKERS
        }

    async def arrive(self, bodies: Sequence[Body]) -> None:
        """Take events two at a time, the first one twice; then whatever waits, until nothing is due any more."""
        queue = [bodies[0], *bodies]
        for start in range(0, len(queue), 2):
            pair = zip(queue[start : start + 2], WORKERS, strict=False)
            await asyncio.gather(*(self._take(body, worker) for body, worker in pair))
        for seconds in (1, 10, 60, 600):
            self.clock.advance(seconds=seconds)
            await self._retry()

    def told(self) -> list[dict[str, Any]]:
        """Return every event that was published, in order."""
        documents = [orjson.loads(each.row.body) for each in self.outbox.rows.values()]
        return [event for each in documents for event in (each if isinstance(each, list) else [each])]

    async def _take(self, body: Body, worker: str) -> None:
        settler = self._workers[(self.flow_of or type_of)(body), worker]
        raw = body.to_json() if isinstance(body, Event) else orjson.dumps(body)
        user = self.user if settler.subscription.flow.exchange == UPSTREAM else None
        content_type = "application/cloudevents+json"
        delivery = Delivery(raw, content_type, type_of(body), None, user, redelivered=False, acknowledge=_nothing)
        await settler.settle(read(settler.subscription, delivery, SECRET))

    async def _retry(self) -> None:
        for turn, settler in enumerate(self._workers.values()):
            held = await settler.inbox.due(settler.subscription.flow.queue, self.clock.now(), 100)
            if held and turn % 2:
                await settler.settle([read_again(settler.subscription, row, row.body, SECRET) for row in held])


def ends_of(make: Callable[[], Awaitable[tuple[Room, Sequence[Body]]]]) -> list[Any]:
    """Return the different states in which a scenario ends, over all orders of arrival; time is simulated."""
    with heard_in(Counter()):
        return simulate(SimulatedLoop(0), _ends_of(make))


async def _ends_of(make: Callable[[], Awaitable[tuple[Room, Sequence[Body]]]]) -> list[Any]:
    ends: list[Any] = []
    _, bodies = await make()
    for places in permutations(range(len(bodies))):
        room, bodies = await make()
        await room.arrive([bodies[place] for place in places])
        if (state := room.state(room)) not in ends:
            ends.append(state)
    return ends


def type_of(body: Body) -> str:
    """Return an event's wire type."""
    return body.type if isinstance(body, Event) else str(body["type"])


async def _nothing() -> None:
    return None
