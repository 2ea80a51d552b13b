"""A shop and a till, several workers each, a broker, and whatever a plan has in store for them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from shared.messaging.cloudevents import join
from shared.messaging.rows import KEPT as HELD
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import UPSTREAM
from shared.messaging.unit import State
from tests.fakes.broker import InMemoryBroker, Message
from tests.fakes.messaging import NOON, SILENT_AFTER, InMemoryInbox, InMemoryOutbox
from tests.unit.simulation.chance import LoopClock, SilentStarts
from tests.unit.simulation.loop import HOST, SimulatedLoop
from tests.unit.simulation.network import Network, database, message_broker
from tests.unit.simulation.plan import Plan
from tests.unit.simulation.process import Process, Service
from tests.unit.simulation.services import (
    HAPPENED,
    KEPT,
    BugError,
    Kind,
    Shelf,
    Tally,
    ThingHappenedV1,
    ThingKeptV1,
    keep_things,
    note_things,
)

_LONGEST_S: Final = 400.0
"""After the last fault everything has to be at rest within so long."""

FATAL: Final = "killed-by-an-event"


@dataclass
class World:
    """Everything of one run, for the invariants to look at afterwards."""

    plan: Plan
    loop: SimulatedLoop
    published: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each event was published, by id and content (its version)."""
    processes: list[Process] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """How often each fault happened, and what the services said of it."""
    taken: list[str] = field(default_factory=list)
    """Owners who had told that they live less than 30 s before somebody adopted of theirs."""
    at_rest: bool = False
    replayed: bool = False

    def __post_init__(self) -> None:
        """Build the servers."""
        self.clock = LoopClock(self.loop)
        self.network = Network(self.loop, self.plan.loss, seen=self.seen)
        pick = self.loop.random.randrange if self.plan.reorder else (lambda _waiting: 0)
        self.broker = InMemoryBroker((HAPPENED, KEPT), pick=pick)
        self.at_broker = message_broker("broker")
        self.shelf, self.tally = Shelf(), Tally()
        self.shop = self._service("shop", [self.shelf.kept, self.shelf.latest])
        self.till = self._service("till", [self.tally.told])
        remote = self.network.remote(self.shelf, self.shop.database)
        keep = partial(keep_things, shelf=remote, near=self.shelf, bugs=self)
        note = partial(note_things, near=self.tally)
        # What breaks its contract came from outside: it is refused.
        self.shop.subscriptions = [Subscription(HAPPENED, of_contract(ThingHappenedV1), keep, refuse=_nothing_told)]
        self.till.subscriptions = [Subscription(KEPT, of_contract(ThingKeptV1), note)]

    @property
    def services(self) -> tuple[Service, Service]:
        """Return both."""
        return self.shop, self.till

    async def run(self, faults: Callable[["World", str], Awaitable[None]]) -> None:
        """Let everything happen, heal everything, wait until all is at rest; an operator replays what is held."""
        for service in self.services:
            for _ in range(self.plan.workers):
                self.hire(service)
        acts: list[tuple[float, Callable[[], Awaitable[None]]]] = []
        acts += [(at, partial(self._publish, events)) for at, events in self.plan.messages]
        acts += [(at, partial(faults, self, name)) for at, name in self.plan.faults]
        await asyncio.gather(*(_at(when, act) for when, act in acts))
        self.network.loss = 0.0
        await asyncio.sleep(max(0.0, self.plan.mended - self.loop.time()))
        await self._rest()
        if self.at_rest and self.held():
            self.replay()
            self.replayed = True
            await self._rest()

    async def meet(self, kind: Kind) -> None:
        """See `Bugs.meet`: a killer takes its process with it, and somebody starts another."""
        if self.loop.time() >= self.plan.mended:
            return
        if kind == "bad":
            raise BugError
        if kind == "killer":
            victim = next(process for process in self.processes if process.host is HOST.get())
            self.seen[FATAL] += 1
            victim.kill()
            self.loop.create_task(self.replace(victim), context=self.at_broker.context)
            await asyncio.sleep(0)

    async def replace(self, gone: Process) -> None:
        """Start another process for one that is gone, as a supervisor does."""
        await asyncio.sleep(self.loop.random.choice((0.1, 1.0, 3.0)))
        self.hire(gone.service)

    def hire(self, service: Service) -> None:
        """Start a process."""
        name = f"{service.name}.{len(self.processes)}"
        process = Process(name, service, self.broker, self.at_broker, self.network)
        self.processes.append(process)
        process.start()

    def held(self) -> list[tuple[Service, str]]:
        """Return what waits or is set aside."""
        return [(each, key) for each in self.services for key, row in each.inbox.rows.items() if row.state in HELD]

    def replay(self) -> None:
        """Do what an operator does to everything that is held."""
        for service, key in self.held():
            service.inbox.replay(key)

    def failures(self) -> list[BaseException]:
        """Return what ended loops that should run for ever."""
        return [error for process in self.processes for error in process.failures]

    async def _rest(self) -> None:
        until = self.loop.time() + _LONGEST_S
        self.at_rest = False
        while not self.at_rest and self.loop.time() < until and not self.failures():
            await asyncio.sleep(1)
            self.at_rest = self._is_quiet()

    def _is_quiet(self) -> bool:
        unsent = any(not each.sent for service in self.services for each in service.outbox.rows.values())
        waits = any(service.inbox.states()[State.WAITING] for service in self.services)
        return not (unsent or waits or self.broker.unfinished())

    async def _publish(self, events: tuple[ThingHappenedV1, ...]) -> None:
        self.published.update((each.id, each.data.version) for each in events)
        body, content_type = join([each.to_json() for each in events])
        self.broker.put(Message(body, content_type, UPSTREAM, HAPPENED.key))

    def _service(self, name: str, stores: list[dict[Any, Any]]) -> Service:
        outbox = InMemoryOutbox(self.clock)
        outbox.adopt = self._watched(outbox)  # type: ignore[assignment, method-assign]
        return Service(
            name, database(name), InMemoryInbox(outbox, stores), outbox, SilentStarts(outbox, self.clock), self.clock
        )

    def _watched(self, outbox: InMemoryOutbox) -> Callable[[str], Awaitable[Counter[str]]]:
        """Return the outbox's adoption, with a look at from whom."""
        adopt = outbox.adopt

        async def adopted(owner: str) -> Counter[str]:
            former = await adopt(owner)
            now, never = self.clock.now(), NOON - SILENT_AFTER
            self.taken += [each for each in former if now - outbox.beats.get(each, never) < SILENT_AFTER]
            return former

        return adopted


async def _at(when: float, act: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(when)
    await act()


def _nothing_told(_refusals: object, _unit: object) -> None:
    return None
