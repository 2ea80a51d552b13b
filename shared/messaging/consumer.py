"""One queue in one process: deliveries are gathered, settled in batches, and acknowledged after the commit."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Generic, Protocol

import structlog

from shared.messaging import settling
from shared.messaging.cloudevents import MAX_BYTES
from shared.messaging.delivery import Delivery, Incoming
from shared.messaging.failures import OutageError
from shared.messaging.reading import read
from shared.messaging.retries import AT_ONCE, LEFT_ALONE, Retries
from shared.messaging.subscription import E
from shared.messaging.suspects import Suspects

PREFETCH: Final = 100
"""Messages a process may hold: enough single ones for a good batch, few enough to leave others some."""

_WAIT_S: Final = 0.5
"""How long to wait for a message before looking for what is due."""

log = structlog.get_logger()


class Valve(Protocol):
    """Tells whether the service may take anything new."""

    @property
    def high(self) -> bool:
        """Whether too much of it is unsent."""


class Tap(Protocol):
    """Where the messages come from: the broker's side of a consumer."""

    async def give_back(self) -> None:
        """Stop taking, and return to the queue what is held."""

    async def resume(self) -> None:
        """Take again."""


@dataclass(slots=True)
class _Batch:
    """What one commit may take, and how many bytes its messages had."""

    items: list[Incoming] = field(default_factory=list)
    size: int = 0


class Consumer(Generic[E]):
    """The one commit loop of a queue and process (rule 9); messages waiting together share a commit (rule 10)."""

    def __init__(self, suspects: Suspects[E], retries: Retries[E], valve: Valve) -> None:
        self.subscription = suspects.settler.subscription
        self.taps: Sequence[Tap] = ()
        self._settler = suspects.settler
        self._suspects = suspects
        self._retries = retries
        self._valve = valve
        self._deliveries: asyncio.Queue[Delivery] = asyncio.Queue()
        self._suspected: deque[Delivery] = deque()
        self._newest: Delivery | None = None
        self._halted: str | None = None
        self._stopping = False

    @property
    def paused(self) -> str | None:
        """Why nothing is taken at the moment: the fingerprint of a systemic failure, ``outbox-full``, ``outage``."""
        return self._halted or self._settler.paused

    async def offer(self, delivery: Delivery) -> None:
        """Take a message from the broker; the channel's prefetch bounds how many are held."""
        if not delivery.redelivered:
            self._newest = delivery
        self._deliveries.put_nowait(delivery)

    def stop(self) -> None:
        """Have `run` return once everything that is held is settled; the broker sends nothing more."""
        self._stopping = True

    async def run(self) -> None:
        """Settle until told to stop, or cancelled."""
        while True:
            try:
                await self._consume()
            except OutageError:
                await self._sit_out()
            else:
                return

    async def _consume(self) -> None:
        """While a batch is committed, the next one is read; what is suspect is taken with nothing beside it."""
        ahead: asyncio.Task[_Batch] | None = None
        try:
            while True:
                batch = await self._top_up(await (ahead or self._gather()))
                ahead = None
                await self._hold_back()
                if not self._suspected:
                    ahead = asyncio.create_task(self._gather())
                for start in range(0, len(batch.items), self.subscription.flow.batch):
                    await self._settle(batch.items[start : start + self.subscription.flow.batch])
                if ahead is None:
                    await self._settle_suspects()
                if self._stopping:
                    if not batch.items and not self._suspected and self._deliveries.empty():
                        return
                else:
                    await self._retry()
        finally:
            if ahead is not None:
                ahead.cancel()

    async def _retry(self) -> None:
        """Take up what is due; where one consumer is active at a time, leave it to that one.

        That is whom the broker gives what is new. A standby that retried would take the log over from who writes it, so
        it takes only what nobody has taken for long: there may be nothing new to tell who is active.
        """
        active = self._newest is not None and not self._newest.gone()
        alike = active or not self.subscription.flow.single_active
        await self._retries.take_up(overdue=AT_ONCE if alike else LEFT_ALONE)

    async def _gather(self) -> _Batch:
        """Wait a little for a message, then take what else has come meanwhile."""
        batch = _Batch()
        if self._stopping and self._deliveries.empty():
            return batch
        try:
            async with asyncio.timeout(_WAIT_S):
                self._take(await self._deliveries.get(), batch)
        except TimeoutError:
            return batch
        return await self._top_up(batch)

    async def _top_up(self, batch: _Batch) -> _Batch:
        """Take what waits, up to a batch: so many events, or 1 MiB."""
        most = self.subscription.flow.batch
        while len(batch.items) < most and batch.size < MAX_BYTES and not self._deliveries.empty():
            await asyncio.sleep(0)  # a large message takes long to parse, and the heartbeat must go on
            self._take(self._deliveries.get_nowait(), batch)
        return batch

    def _take(self, delivery: Delivery, batch: _Batch) -> None:
        """Read a message; one that the broker hands over again is not even read beside others.

        What a lost channel brought is left alone: it comes again, and each outage would have everything that is held
        settled twice.
        """
        if delivery.gone():
            return
        if delivery.redelivered:
            self._suspected.append(delivery)
            return
        items = read(self.subscription, delivery, self._suspects.secret)
        delivery.pending = len(items)
        batch.items += items
        batch.size += len(delivery.body)

    async def _settle(self, items: Sequence[Incoming]) -> None:
        await self._settler.settle(items)
        for item in items:
            delivery = item.delivery
            if delivery is None:
                continue
            delivery.pending -= 1
            if delivery.pending == 0:
                await self._acknowledge(delivery)

    async def _settle_suspects(self) -> None:
        while self._suspected:
            if not self._suspected[0].gone():
                await self._suspects.settle(self._suspected[0])
                await self._acknowledge(self._suspected[0])
            self._suspected.popleft()

    async def _acknowledge(self, delivery: Delivery) -> None:
        """An acknowledgement that fails is harmless: the broker delivers again and the inbox knows."""
        try:
            await delivery.acknowledge()
        except Exception as error:  # noqa: BLE001 - whatever the library raises on a channel that is gone
            log.info("acknowledgement_lost", queue=self.subscription.flow.queue, error=type(error).__name__)

    async def _hold_back(self) -> None:
        """Take nothing new while too much is unsent; raise `OutageError` when that lasts."""
        if not self._valve.high or self._stopping:
            return
        began = monotonic()
        self._halted = "outbox-full"
        try:
            while self._valve.high and not self._stopping:
                if monotonic() - began > settling.OUTAGE_S:
                    raise OutageError
                await asyncio.sleep(_WAIT_S)
        finally:
            self._halted = None

    async def _sit_out(self) -> None:
        """Give everything back once, ask now and then whether the infrastructure is there, and begin anew (rule 12)."""
        queue = self.subscription.flow.queue
        self._halted = "outage"
        log.error("consumer_given_back", queue=queue)
        self._suspected.clear()
        for tap in self.taps:
            await tap.give_back()
        while not self._deliveries.empty():
            self._deliveries.get_nowait()
        while not self._stopping and (self._valve.high or not await self._answers()):  # noqa: ASYNC110 - a probe
            await asyncio.sleep(settling.PROBE_EVERY_S)
        for tap in () if self._stopping else self.taps:
            await tap.resume()
        self._halted = None
        log.info("consumer_resumed", queue=queue)

    async def _answers(self) -> bool:
        with suppress(Exception):
            await self._settler.inbox.last(self.subscription.flow.queue)
            return True
        return False
