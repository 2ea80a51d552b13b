"""A worker as production wires it, on a host that can be killed, frozen, cut off and told to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

from shared.messaging import receiving, worker
from shared.messaging.consumer import PREFETCH, Consumer
from shared.messaging.due import DueLooks
from shared.messaging.ending import until_done
from shared.messaging.receipts import Receipts
from shared.messaging.relay import Relay
from shared.messaging.rows import AlreadySealed
from shared.messaging.subscription import Subscription
from shared.messaging.topology import dead_queue
from tests.fakes.broker import InMemoryBroker
from tests.fakes.messaging import InMemoryInbox, InMemoryOutbox
from tests.fakes.starts import InMemoryStarts, Valve
from tests.unit.simulation.loop import Host
from tests.unit.simulation.network import Network, Server
from tests.unit.simulation.taps import Tap

DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 4))
SECRET: Final = bytes(range(32))


@dataclass(eq=False)
class Service:
    """What all processes of a service share: its database, its subscriptions, the broker."""

    name: str
    database: Server
    inbox: InMemoryInbox
    outbox: InMemoryOutbox
    starts: InMemoryStarts
    clock: Any
    subscriptions: Sequence[Subscription[Any]] = ()


@dataclass(eq=False)
class Process:
    """One worker: consumers and a relay of its own, built by the production's wiring."""

    name: str
    service: Service
    broker: InMemoryBroker
    at_broker: Server
    network: Network
    failures: list[BaseException] = field(default_factory=list)
    """What ended a loop that should run for ever."""

    def __post_init__(self) -> None:
        """Assemble what a worker assembles."""
        self.host = Host(self.name)
        self._context = self.host.context()
        self._loop = self.network.loop
        self._outbox = self.network.remote(self.service.outbox, self.service.database)
        self._starts = self.network.remote(self.service.starts.of(self.name), self.service.database)
        self._relay = Relay(self._outbox, self.network.remote(self.broker, self.at_broker), self.name)
        self._consumers = [self._consumer(each) for each in self._subscriptions()]
        self._receipts: list[Receipts] = []
        self._taps = [tap for consumer in self._consumers for tap in self._tap(consumer)]
        self._relaying: list[asyncio.Task[None]] = []
        self._consuming: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Tell that the process lives, and work until something happens to it."""
        self._spawn(self._start())

    def kill(self) -> None:
        """Stop at whatever await each of its tasks stands, for good; the broker takes its messages back."""
        self._loop.halt(self.host)
        self._close()

    def freeze(self) -> None:
        """Stop everything; the connection is still there."""
        self._loop.halt(self.host)

    def thaw(self) -> None:
        """Go on as if nothing had happened."""
        self._loop.resume(self.host)

    def cut(self) -> None:
        """Lose the broker's connection, and subscribe again."""
        self._close()
        self._spawn(self._subscribe(1.0))

    async def stop(self) -> None:
        """Do what a worker does that is told to stop; the process is gone then."""
        await self._spawn(self._stop())
        self._loop.halt(self.host)

    async def _start(self) -> None:
        await self._persistently(partial(self._outbox.beat, self.name))
        self._relaying = [self._spawn(self._relay.run())]
        self._consuming = [self._spawn(consumer.run()) for consumer in self._consumers]
        await self._subscribe(0.0)

    async def _stop(self) -> None:
        """The order of `worker.run_worker`: nothing new is taken, what is held is committed, acknowledged and sent."""
        for tap in self._taps:
            tap.cancel()
        for consumer in self._consumers:
            consumer.stop()
        await until_done(self._consuming, self._loop.time() + 6.0)
        await asyncio.gather(*(receipts.sent() for receipts in self._receipts))
        await worker._at_most(self._starts.leave, 1.0)
        await until_done(self._relaying, 0)
        await self._relay.drain(2.0)
        self._close()

    async def _persistently(self, act: Callable[[], Awaitable[None]]) -> None:
        """A process that cannot reach its servers at its start ends, and is started again."""
        while True:
            try:
                return await act()
            except Exception:  # noqa: BLE001 - whatever the servers have
                await asyncio.sleep(1)

    async def _subscribe(self, after: float) -> None:
        await asyncio.sleep(after)
        for tap in self._taps:
            await tap.resume()

    def _subscriptions(self) -> Sequence[Subscription[Any]]:
        return self.service.subscriptions

    def _consumer(self, subscription: Subscription[Any]) -> Consumer[Any]:
        inbox = self.network.remote(self.service.inbox.beside(self.name), self.service.database)
        runtime: Any = SimpleNamespace(
            process=self.name,
            settings=SimpleNamespace(retry_delays=DELAYS),
            inbox=inbox,
            relay=self._relay,
            clock=self.service.clock,
            digest_key=SECRET,
        )
        valve: Any = Valve()
        return worker._consumer(
            runtime,
            subscription,
            sealer=AlreadySealed(),
            waiting=DueLooks(inbox, [subscription.flow.queue], self.service.clock),
            starts=self._starts,
            pressure=valve,
            turn=asyncio.Lock(),
        )

    def _tap(self, consumer: Consumer[Any]) -> list[Tap]:
        """Return the taps of a queue and of its dead queue, as `receiving.Receiving` has them."""
        flow = consumer.subscription.flow
        taps = []
        for queue, prefetch, read in (
            (flow.queue, PREFETCH, receiving._as_delivery),
            (dead_queue(flow), 1, receiving._as_suspect),
        ):
            receipts = Receipts(queue)
            self._receipts.append(receipts)
            taps.append(Tap(self.broker, queue, prefetch, partial(read, flow, receipts), consumer, self))
        consumer.taps = taps
        return taps

    def _close(self) -> None:
        for tap in self._taps:
            tap.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work, context=self._context)
        task.add_done_callback(self._on_end)
        return task

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)
