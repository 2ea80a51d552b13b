"""A trace that somebody removes on its way to the log is named, by its producer and number (F57, I113)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import pytest

from services.records.adapters.mongo_traces import MongoTraces
from services.records.handlers.keeping import PLACE, Keeper
from shared.clock import SystemClock
from shared.contracts.accesses import AccessTracedV1, AccessTracedV1Data
from shared.messaging.acts import perform
from shared.messaging.ledger.findings import Finding, Findings, Kind
from shared.messaging.numbers import numbers_of
from shared.messaging.runtime import Runtime
from shared.messaging.stating import state_once
from shared.messaging.topology import AUDIT_EVENTS
from shared.messaging.unit import Unit
from tests.integration.conftest import Installation, Launch, until
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

SOON = {"CARNET_LEDGER_EVERY_S": "0.5", "CARNET_TRACE_OVERDUE_S": "2"}


@dataclass
class Walk:
    """A process of records in this one, and audit in its own."""

    records: Runtime
    audit: Runtime
    keeper: Keeper
    events: list[AccessTracedV1] = field(default_factory=list)

    async def read(self, count: int) -> None:
        """Let so many reads keep their traces, one after the other."""
        for _ in range(count):
            data = AccessTracedV1Data(
                trace_id=uuid4().hex, action="documents-listed", outcome="permitted", rule="holder", sealed="A" * 40
            )
            event = AccessTracedV1.new(source="/records", time=self.records.clock.now(), subject="a" * 32, data=data)
            await self.keeper.keep(event)
            self.events.append(event)

    async def act(self) -> None:
        """Leave the trace of a change, in its own transaction."""

        async def work(unit: Unit) -> None:
            unit.emit(self.events[0].model_copy(update={"id": uuid4().hex}))

        await perform(self.records, work)

    async def send(self) -> None:
        """Send what was kept, and what others left, and state how much that is."""
        await self.keeper.send()
        await self.keeper._sweep()
        await state_once(numbers_of(self.records.process), "records", partial(perform, self.records))
        await self.records.relay.drain(10)

    async def logged(self) -> int:
        """Return how many traces are in the log."""
        return await self.audit.database["marks"].count_documents({})

    async def missing(self) -> list[Finding]:
        """Return the traces that audit misses now."""
        return [each for each in await Findings(self.audit.database).standing() if each.kind is Kind.TRACE]

    async def has(self, logged: int, missing: int) -> bool:
        """Tell whether the log holds so many traces and lacks so many."""
        return await self.logged() == logged and sum(each.missing for each in await self.missing()) == missing


@pytest.fixture
async def walk(installation: Installation, launch: Launch, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Walk]:
    """Start audit, which looks twice a second and waits for two."""
    monkeypatch.setattr("services.records.handlers.keeping.ORPHANED", -SystemClock().now().resolution)
    async with runtime_of(installation) as records, runtime_of(installation, "audit") as audit:
        traces = MongoTraces(records.database)
        await traces.prepare()
        act = partial(perform, records, races=False)
        keeper = Keeper(traces, act, SystemClock(), numbers_of(records.process))
        await launch("audit", **SOON)
        yield Walk(records, audit, keeper)


async def test_a_trace_is_removed_before_it_is_announced(walk: Walk):
    """F57: of ten reads one trace is deleted by hand before its message; audit names it, and ends when it comes."""
    await walk.read(10)
    row = await walk.records.database["traces"].find_one_and_delete({"_id": walk.events[4].id})
    assert row is not None
    await walk.send()

    await until(partial(walk.has, 9, 1), "the missing trace to be named")
    (finding,) = await walk.missing()
    assert (finding.flow, finding.origin) == (AUDIT_EVENTS.queue, f"{walk.records.process}/{PLACE}-0")
    (named,) = await walk.audit.database["producers"].find({"gaps.0": {"$exists": True}}).to_list()
    assert [(gap["first"], gap["last"]) for gap in named["gaps"]] == [(5, 5)]

    await walk.records.database["traces"].insert_one(row)
    await walk.send()
    await until(partial(walk.has, 10, 0), "the finding to end")


async def test_the_last_trace_is_removed(walk: Walk):
    """F57: a last trace has none after it; its process stated that it kept it."""
    await walk.read(3)
    await walk.records.database["traces"].delete_one({"_id": walk.events[-1].id})
    await walk.send()

    await until(partial(walk.has, 2, 1), "the missing trace to be named")


async def test_a_message_is_dropped(walk: Walk):
    """F57: a trace whose message is taken out of the outbox before it is sent is named; what is only late is not."""
    await walk.read(2)
    await walk.send()
    for _ in range(2):
        await walk.act()
    await walk.records.relay.drain(10)
    await until(partial(walk.has, 4, 0), "four traces in the log")
    await walk.act()
    walk.records.relay._take()
    gone = await walk.records.database["outbox"].delete_many({"unsent": True})
    assert gone.deleted_count == 1
    await walk.send()

    await until(partial(walk.has, 4, 1), "the missing trace to be named")
