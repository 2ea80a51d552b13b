"""Traces of reads are kept before the answers leave, those that come together in one insert; their messages follow.

An insert is durable alone and costs a fifth of a transaction with its message and its books. So a reader waits for the
insert only, and some hundred milliseconds later one transaction puts all fresh traces into the outbox. Until then, and
until they are in the log, they are rows that whoever reads next is stopped by when they grow old (`Tracer.check`).
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from services.records.ports import Pending, TraceStore
from shared.clock import Clock
from shared.contracts.accesses import AccessTracedV1
from shared.messaging.acts import Perform
from shared.messaging.coalescing import OverloadedError
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit

JOIN_S: Final = 0.005
"""How long an insert waits for others to join."""
TOGETHER: Final = 100
"""Traces of one insert at most."""
WAITING: Final = 1_000
"""What may wait; whoever comes then is told at once that this is too much."""
PATIENCE_S: Final = 2.0

SEND_EVERY_S: Final = 0.2
SENT_TOGETHER: Final = 200
SWEEP_EVERY_S: Final = 5.0
ORPHANED: Final = timedelta(seconds=5)
"""A trace that waits for its message so long has lost the process that kept it: whoever sees it sends it."""

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Waiter:
    event: AccessTracedV1
    at: datetime
    done: asyncio.Future[None]


class Keeper:
    """Keeps the traces of one process. Whoever hangs up meanwhile stops no insert."""

    def __init__(self, traces: TraceStore, perform: Perform, machine: Clock) -> None:
        self._traces = traces
        self._perform = perform
        self._machine = machine
        self._waiting: deque[_Waiter] = deque()
        self._inserting: asyncio.Task[None] | None = None
        self._fresh: list[AccessTracedV1] = []

    async def keep(self, event: AccessTracedV1) -> None:
        """Return once a trace is durable; raise if it is not, or not known to be."""
        if len(self._waiting) >= WAITING:
            raise OverloadedError
        waiter = _Waiter(event, self._machine.now(), asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        if self._inserting is None or self._inserting.done():
            self._inserting = asyncio.create_task(self._insert_waiting())
        async with asyncio.timeout(PATIENCE_S):
            await waiter.done

    async def run(self) -> None:
        """Have the messages of what was kept follow, until cancelled."""
        loop = asyncio.get_running_loop()
        sweep_at = loop.time()
        while True:
            try:
                await self.send()
                if loop.time() >= sweep_at:
                    await self._sweep()
                    sweep_at = loop.time() + SWEEP_EVERY_S
            except Exception as error:
                if classify(error) is Failure.DATA:
                    raise
                log.warning("traces_not_sent", error=type(error).__name__)
            await asyncio.sleep(SEND_EVERY_S)

    async def drain(self, seconds: float) -> None:
        """Have the last messages follow, for at most so long; what is left is swept by another process."""
        try:
            async with asyncio.timeout(seconds):
                await self.send()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rows stay pending
            log.warning("traces_not_sent", error=type(error).__name__)

    async def send(self) -> None:
        """Put what this process kept into the outbox; what another one has sent meanwhile is left to it."""
        while self._fresh:
            taken = self._fresh[:SENT_TOGETHER]

            async def work(unit: Unit, taken: Sequence[AccessTracedV1] = taken) -> None:
                self._send(taken, unit)

            try:
                await self._perform(work)
            except Exception as error:
                if classify(error) is not Failure.CONFLICT:
                    raise
                log.warning("traces_sent_elsewhere", count=len(taken))  # those that were not are swept
            del self._fresh[: len(taken)]

    async def _sweep(self) -> None:
        """Send what processes left that are gone, and what this one forgot."""

        async def work(unit: Unit) -> bool:
            left = await self._traces.pending(self._machine.now() - ORPHANED, SENT_TOGETHER)
            self._send([AccessTracedV1.model_validate_json(each.event) for each in left], unit)
            return len(left) == SENT_TOGETHER

        while await self._perform(work):
            pass

    def _send(self, events: Sequence[AccessTracedV1], unit: Unit) -> None:
        for event in events:
            unit.emit(event)
        self._traces.sent([event.id for event in events], unit)

    async def _insert_waiting(self) -> None:
        while self._waiting:
            await asyncio.sleep(JOIN_S)
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), TOGETHER))]
            if batch := [each for each in taken if not each.done.done()]:
                await self._insert(batch)

    async def _insert(self, batch: Sequence[_Waiter]) -> None:
        error: Exception | None = None
        try:
            await self._traces.keep([Pending(each.event.id, each.at, each.event.to_json()) for each in batch])
        except Exception as failed:  # noqa: BLE001 - the callers are told
            error = failed
        else:
            self._fresh += [each.event for each in batch]
        for each in batch:
            if each.done.done():
                continue
            if error is None:
                each.done.set_result(None)
            else:
                each.done.set_exception(error)
