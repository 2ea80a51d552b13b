"""One queue in one process: deliveries are gathered, settled in batches, and acknowledged after the commit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, Protocol

import structlog

from shared.clock import Clock
from shared.messaging.cloudevents import MAX_BYTES
from shared.messaging.delivery import Delivery, Incoming
from shared.messaging.failures import Failure, classify
from shared.messaging.reading import read, read_again
from shared.messaging.rows import RowBody, RowSealer
from shared.messaging.settling import Settler
from shared.messaging.store import Held
from shared.messaging.subscription import E, Subscription

PREFETCH: Final = 100
"""Messages a process may hold: enough single ones for a good batch, few enough to leave others some."""

_DUE_EVERY_S: Final = 0.5

log = structlog.get_logger()


class DueRows(Protocol):
    """Where what waits is found: the inbox, or one look of several consumers."""

    async def due(self, queue: str, now: datetime, limit: int) -> Sequence[Held]:
        """See `Inbox.due`."""


@dataclass(slots=True)
class _Batch:
    """What one commit may take, and how many bytes its messages had."""

    items: list[Incoming] = field(default_factory=list)
    size: int = 0


class Consumer(Generic[E]):
    """The one commit loop of a queue and process (rule 9); messages waiting together share a commit (rule 10)."""

    def __init__(
        self,
        subscription: Subscription[E],
        settler: Settler[E],
        *,
        waiting: DueRows,
        sealer: RowSealer,
        clock: Clock,
        secret: bytes,
    ) -> None:
        self.subscription = subscription
        self._settler = settler
        self._waiting = waiting
        self._sealer = sealer
        self._clock = clock
        self._secret = secret
        self._deliveries: asyncio.Queue[Delivery] = asyncio.Queue()
        self._next_look = 0.0

    @property
    def paused(self) -> str | None:
        """The fingerprint of the systemic failure that holds this flow, if any."""
        return self._settler.paused

    async def offer(self, delivery: Delivery) -> None:
        """Take a message from the broker; the channel's prefetch bounds how many are held."""
        self._deliveries.put_nowait(delivery)

    async def run(self) -> None:
        """Settle until cancelled; while a batch is committed, the next one is read."""
        ahead = asyncio.create_task(self._gather())
        try:
            while True:
                batch = await self._top_up(await ahead)
                ahead = asyncio.create_task(self._gather())
                for start in range(0, len(batch.items), self.subscription.flow.batch):
                    await self._settle(batch.items[start : start + self.subscription.flow.batch])
                await self._retry_due()
        finally:
            ahead.cancel()

    async def _gather(self) -> _Batch:
        """Wait a little for a message, then take what else has come meanwhile."""
        batch = _Batch()
        try:
            async with asyncio.timeout(_DUE_EVERY_S):
                self._read(await self._deliveries.get(), batch)
        except TimeoutError:
            return batch
        return await self._top_up(batch)

    async def _top_up(self, batch: _Batch) -> _Batch:
        """Take what waits, up to a batch: so many events, or 1 MiB."""
        most = self.subscription.flow.batch
        while len(batch.items) < most and batch.size < MAX_BYTES and not self._deliveries.empty():
            await asyncio.sleep(0)  # a large message takes long to parse, and the heartbeat must go on
            self._read(self._deliveries.get_nowait(), batch)
        return batch

    def _read(self, delivery: Delivery, batch: _Batch) -> None:
        batch.items += self._open(delivery)
        batch.size += len(delivery.body)

    def _open(self, delivery: Delivery) -> list[Incoming]:
        items = read(self.subscription, delivery, self._secret)
        delivery.pending = len(items)
        return items

    async def _settle(self, items: Sequence[Incoming]) -> None:
        await self._settler.settle(items)
        for item in items:
            delivery = item.delivery
            if delivery is None:
                continue
            delivery.pending -= 1
            if delivery.pending == 0:
                await self._acknowledge(delivery)

    async def _acknowledge(self, delivery: Delivery) -> None:
        """An acknowledgement that fails is harmless: the broker delivers again and the inbox knows."""
        try:
            await delivery.acknowledge()
        except Exception as error:  # noqa: BLE001 - whatever the library raises on a channel that is gone
            log.info("acknowledgement_lost", queue=self.subscription.flow.queue, error=type(error).__name__)

    async def _retry_due(self) -> None:
        """Take up waiting events whose time has come."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._next_look:
            return
        self._next_look = loop.time() + _DUE_EVERY_S
        flow = self.subscription.flow
        try:
            held = await self._waiting.due(flow.queue, self._clock.now(), flow.batch)
            items = await self._reopen(held)
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            log.info("waiting_rows_unreadable", queue=flow.queue, error=type(error).__name__)
            return
        if items:
            await self._settle(items)

    async def _reopen(self, held: Sequence[Held]) -> list[Incoming]:
        bodies = await self._sealer.unseal([RowBody(row.key, row.body) for row in held]) if held else []
        return [read_again(self.subscription, row, body, self._secret) for row, body in zip(held, bodies, strict=True)]
