"""The role `worker`: FastStream subscribes and stops; consumers and the relay do the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import structlog
from faststream import FastStream

from shared.errors import CarnetError
from shared.http.health import worker_doors
from shared.http.server import serving
from shared.messaging.collector import spare_the_collector
from shared.messaging.consumer import Consumer
from shared.messaging.due import DueLooks
from shared.messaging.ending import until_done
from shared.messaging.instants import Steady
from shared.messaging.ledger.keeping import Check, rota_of, subscriptions_of, tell_held
from shared.messaging.mongo_starts import MongoStarts
from shared.messaging.pressure import Pressure
from shared.messaging.probes import Probe, hears
from shared.messaging.properties import tolerate_any_properties
from shared.messaging.receiving import Receiving
from shared.messaging.retries import DueRows, Retries
from shared.messaging.rows import AlreadySealed, RowMaker, RowSealer
from shared.messaging.runtime import Runtime
from shared.messaging.settling import Settler
from shared.messaging.starts import Starts
from shared.messaging.subscription import Subscription
from shared.messaging.suspects import Suspects

DRAIN_S: Final = 8.0
"""How long a process that was told to stop may settle, acknowledge and send what it holds."""

_SENDING_S: Final = 2.0
"""The part of it that is left to the relay."""

log = structlog.get_logger()


class UnaskedEndError(CarnetError):
    """A part of a worker was cancelled, and nobody had told the worker to stop."""


async def run_worker(
    runtime: Runtime,
    subscriptions: Sequence[Subscription[Any]],
    *,
    sealer: RowSealer | None = None,
    checks: Sequence[Check] = (),
) -> None:
    """Consume until SIGTERM or SIGINT; raise if a consumer or the relay failed for good.

    ``checks`` are looked at with the ledger's own.
    """
    tolerate_any_properties()
    subscriptions = [*subscriptions, *subscriptions_of(runtime, [each.flow for each in subscriptions])]
    ledger = await rota_of(runtime, [each.flow for each in subscriptions], checks)
    starts, pressure = MongoStarts(runtime.database, runtime.process), Pressure(runtime.database)
    await starts.prepare()
    await pressure.prepare()
    assemble = partial(
        _consumer,
        runtime,
        sealer=sealer or AlreadySealed(),
        waiting=DueLooks(runtime.inbox, [each.flow.queue for each in subscriptions], Steady()),
        starts=starts,
        pressure=pressure,
        turn=asyncio.Lock(),
    )
    consumers = [assemble(each) for each in subscriptions]
    receiving = Receiving(runtime, consumers)
    beside = (runtime.relay.run, pressure.watch, ledger.run, partial(tell_held, runtime, receiving.held))
    await _Shift(runtime, receiving, consumers, starts, beside).work()


class _Shift:
    """A worker's time from its start to its end: what runs meanwhile, and how it is left."""

    def __init__(
        self,
        runtime: Runtime,
        receiving: Receiving,
        consumers: Sequence[Consumer[Any]],
        starts: Starts,
        beside: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    ) -> None:
        """``beside`` runs beside the consumers until they have ended."""
        self._runtime = runtime
        self._receiving = receiving
        self._consumers = consumers
        self._starts = starts
        self._beside = beside
        self._relaying: list[asyncio.Task[None]] = []
        self._consuming: list[asyncio.Task[None]] = []
        self._subscribed = asyncio.Event()
        self._failures: list[BaseException] = []
        self._leaving = False
        self._app = FastStream(
            receiving.broker,
            lifespan=self._lifespan,
            after_startup=[self._subscribed.set],
            on_shutdown=[self._drain],
            logger=None,
        )

    async def work(self) -> None:
        """Work until told to stop; raise what made anything end before."""
        spare_the_collector()
        log.info("worker_started", process=self._runtime.process)
        await self._app.run(sleep_time=0.2)
        log.info("worker_stopped", process=self._runtime.process)
        if self._failures:
            raise self._failures[0]

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        settings = self._runtime.settings
        doors = worker_doors(self._runtime, self._consumers, consuming=Probe(self._is_consuming))
        async with serving(doors, settings.http_host, settings.http_port):
            self._relaying.extend(asyncio.create_task(run()) for run in self._beside)
            self._consuming.extend(asyncio.create_task(consumer.run()) for consumer in self._consumers)
            for task in (*self._relaying, *self._consuming):
                task.add_done_callback(self._ended)
            try:
                yield
            finally:  # a start that failed ends here as well
                self._leaving = True
                await until_done([*self._relaying, *self._consuming], 0)

    async def _is_consuming(self) -> bool:
        # Before that the queues are subscribed to one after the other.
        return self._subscribed.is_set() and await hears(self._receiving.broker)

    async def _drain(self) -> None:
        """Take nothing new; what is held is committed, acknowledged and sent, in this order."""
        self._leaving = True
        log.info("worker_draining", process=self._runtime.process)
        deadline = asyncio.get_running_loop().time() + DRAIN_S
        await self._receiving.cancel()
        for consumer in self._consumers:
            consumer.stop()
        await until_done(self._consuming, deadline - _SENDING_S)
        await self._receiving.acknowledge()
        await _at_most(self._starts.leave, 1.0)
        await until_done(self._relaying, 0)
        await self._runtime.relay.drain(max(deadline - asyncio.get_running_loop().time(), _SENDING_S))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Have the process end where a part of it does: it would live on as one that works, and do nothing there."""
        error = UnaskedEndError() if task.cancelled() else task.exception()
        if error is not None and not (task.cancelled() and self._leaving):
            log.error("worker_failed", error=type(error).__name__)
            self._failures.append(error)
            self._app.exit()


async def _at_most(act: Callable[[], Awaitable[None]], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await act()
    except Exception as error:  # noqa: BLE001 - the process ends; what was not done is found by another
        log.info("left_undone", error=type(error).__name__)


def _consumer(
    runtime: Runtime,
    subscription: Subscription[Any],
    *,
    sealer: RowSealer,
    waiting: DueRows,
    starts: Starts,
    pressure: Pressure,
    turn: asyncio.Lock,
) -> Consumer[Any]:
    rows = RowMaker(subscription.flow.queue, sealer, Steady(), runtime.settings.retry_delays)
    settler = Settler(subscription, runtime.inbox, runtime.relay, rows, runtime.process)
    suspects = Suspects(settler, starts, runtime.digest_key, turn)
    return Consumer(suspects, Retries(waiting, suspects, Steady()), pressure)
