"""Traces of reads are kept before the answers leave, those that come together in one insert; their messages follow.

An insert is durable alone and costs a fifth of a transaction with its message and its books. So a reader waits for the
insert only, and some hundred milliseconds later one transaction puts all fresh traces into the outbox. Until then, and
until they are in the log, they are rows that whoever reads next is stopped by when they grow old (`Tracer.check`).
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog

from services.records.ports import Pending, TraceStore
from shared.clock import Clock
from shared.contracts.accesses import AccessTracedV1
from shared.messaging.acts import Perform
from shared.messaging.failures import Failure, classify
from shared.messaging.gathering import Gathering
from shared.messaging.numbers import Numbers
from shared.messaging.unit import Unit

LANES: Final = 2
"""Inserts that run at a time: with one, a reader mostly waits for somebody else's and then for the own."""
PLACE: Final = "reads"
"""Names the numbers of a process's reads, those of each insert that may run at a time by its own."""

SEND_EVERY_S: Final = 0.2
SENT_TOGETHER: Final = 200
SWEEP_EVERY_S: Final = 5.0
ORPHANED: Final = timedelta(seconds=5)
"""A trace that waits for its message so long has lost the process that kept it: whoever sees it sends it."""

log = structlog.get_logger()


class _Trace(NamedTuple):
    event: AccessTracedV1
    at: datetime
    """When it began to wait, by the machine's clock."""


class Keeper:
    """Keeps the traces of one process."""

    def __init__(self, traces: TraceStore, perform: Perform, machine: Clock, numbers: Numbers) -> None:
        self._traces = traces
        self._numbers = numbers
        self._perform = perform
        self._machine = machine
        self._gathering: Gathering[_Trace, None] = Gathering(self._insert, lanes=LANES)
        self._free = [f"{PLACE}-{lane}" for lane in range(LANES)]
        self._fresh: list[AccessTracedV1] = []

    async def keep(self, event: AccessTracedV1) -> None:
        """Return once a trace is durable; raise if it is not, or not known to be."""
        await self._gathering.add(_Trace(event, self._machine.now()))

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
        """Put what this process has kept until now into the outbox; what another one sent meanwhile is left to it.

        What is kept while a transaction runs waits for the next call: it would have one of its own, of a few traces.
        """
        left = len(self._fresh)
        while left > 0:
            taken = self._fresh[: min(left, SENT_TOGETHER)]
            left -= len(taken)

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

    async def _insert(self, batch: Sequence[_Trace]) -> Sequence[None]:
        place = self._free.pop(0)
        row = self._numbers.row(place)
        events = row.number(each.event for each in batch)
        rows = [Pending(event.id, each.at, event.to_json()) for each, event in zip(batch, events, strict=True)]
        try:
            await self._traces.keep(rows)
            row.keep(events)
        finally:
            self._free = sorted([*self._free, place])
        self._fresh += events
        return [None] * len(batch)
