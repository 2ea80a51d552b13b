"""What audit makes of producers' numbers: statements, findings, the operators' door (F57)."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Request

from services.audit.api.completeness import completeness_doors
from services.audit.domain.entries import Kept
from services.audit.domain.envelope import read_envelope
from services.audit.domain.marks import mark_of
from services.audit.domain.shown import Unreadable
from services.audit.handlers.counting import TraceCheck, note_counts
from services.audit.handlers.opening import open_texts
from services.audit.handlers.overseeing import note_overseers
from shared.contracts.accesses import AccessCountedV1, AccessCountedV1Data, AccessTracedV1, CountedV1
from shared.contracts.records import OversightChangedV1, OversightChangedV1Data
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.messaging import instants
from shared.messaging.ledger.findings import Finding
from shared.messaging.ledger.findings import Kind as Missing
from shared.messaging.unit import State, Unit
from tests.fakes.beside import InMemorySeries
from tests.unit.audit.registry import ALICE, NOW, Registry, envelope
from verifier.leaves import Group

READS = "records.host.1/reads"
OVERDUE = timedelta(seconds=40)


def counted(last: int, producer: str = READS, source: str = "/records") -> AccessCountedV1:
    """Return a statement."""
    data = AccessCountedV1Data(producers=[CountedV1(producer=producer, last=last)])
    return AccessCountedV1.new(source=source, time=NOW, data=data)


async def numbered(registry: Registry, *numbers: int) -> None:
    """Put traces with these numbers into the log."""
    for number in numbers:
        trace = await registry.trace(ALICE)
        await registry.log_events(trace.model_copy(update={"producer": READS, "number": number}))


async def commit(unit: Unit) -> None:
    """Apply a unit."""
    for effect in unit.effects:
        await effect(None)


@pytest.fixture
def check(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> TraceCheck:
    """Give the look, by the registry's clock."""
    monkeypatch.setattr(instants, "now", registry.clock.now)
    return TraceCheck(InMemorySeries(registry.marks, registry.clock.now), OVERDUE)


def a_finding(missing: int) -> Finding:
    """Return the finding of so many traces."""
    return Finding(Missing.TRACE, "audit.all", missing, origin=READS)


async def test_a_gap_is_named_in_time(registry: Registry, check: TraceCheck):
    """F57: what is missing is named when it is overdue, not before, and the finding ends when it comes."""
    await numbered(registry, 1, 2, 5)
    assert await check.look([]) == ([], [])

    registry.clock.instant += OVERDUE + timedelta(milliseconds=1)
    assert await check.look([]) == ([a_finding(2)], [])
    await numbered(registry, 4)
    assert await check.look([a_finding(2)]) == ([a_finding(1)], [a_finding(2)])
    await numbered(registry, 3)
    assert await check.look([a_finding(1)]) == ([], [a_finding(1)])


async def test_after_a_week(registry: Registry, check: TraceCheck):
    """A finding stands for a week, as every finding of the ledger."""
    await numbered(registry, 2)
    await check.look([])
    registry.clock.instant += timedelta(days=6)
    assert (await check.look([]))[0]

    registry.clock.instant += timedelta(days=2)
    assert await check.look([a_finding(1)]) == ([], [a_finding(1)])


async def test_a_statement(registry: Registry, check: TraceCheck):
    """F57: what a producer states is expected; a lower number, and the same again, tell nothing new."""
    await numbered(registry, 1)
    unit = Unit()
    await note_counts([counted(3), counted(2), counted(3)], unit, series=check.series)
    await commit(unit)
    await check.look([])
    registry.clock.instant += OVERDUE * 2

    assert (await check.look([]))[0] == [a_finding(2)]


async def test_nobody_counts_for_another(check: TraceCheck):
    """A service that states another's numbers is not believed."""
    event, own = counted(9, source="/ingest"), counted(1)
    unit = Unit()

    await note_counts([event, own], unit, series=check.series)
    await commit(unit)
    await check.series.take()

    assert (unit.outcome_of(event).state, unit.outcome_of(event).reason) == (State.IGNORED, "producer-foreign")
    assert [(name, series.top) for name, series in await check.series.all(None, 9)] == [(READS, 1)]


@pytest.mark.parametrize(
    "changed",
    [
        {"producer": "ingest.host.1/reads"},
        {"producer": "records"},
        {"producer": "records.é"},
        {"producer": "records." + "a" * 200},
        {"producer": 7},
        {"number": 0},
        {"number": True},
        {"number": "3"},
        {"number": 2**53},
        {"number": None},
    ],
)
async def test_what_is_no_number(registry: Registry, changed: dict[str, Any]):
    """113: a trace with a number that cannot be one is logged like any other and counts for nobody."""
    trace: AccessTracedV1 = await registry.trace(ALICE)
    text = envelope(trace.model_copy(update={"producer": READS, "number": 3})).raw
    document = {**orjson.loads(text), **changed}
    event = read_envelope(document, orjson.dumps(document))

    mark = mark_of(event)

    assert mark is not None
    assert (mark.actor, mark.producer, mark.number) == (trace.actor, None, None)
    await registry.log_events(event)
    assert len(registry.storage.leaves) == 1


async def test_the_entry_commits_to_it(registry: Registry):
    """I113: producer, number and opaque name stand in a text of the entry, so whoever has an export finds a gap."""
    await numbered(registry, 7)

    (texts,) = await open_texts([Kept(registry.storage.entry(0), registry.storage.openings[0])], registry.vaults)

    assert not isinstance(texts, Unreadable)
    told = orjson.loads(texts[Group.ACTOR].text)
    assert (told["producer"], told["number"], len(told["actor"])) == (READS, 7, 32)


async def test_overseers_by_version(registry: Registry):
    """F51: of several words about one professional in a batch the latest version counts."""
    record, doctor = await registry.record(ALICE), "d" * 32

    def said(version: int, **what: Any) -> OversightChangedV1:
        data = OversightChangedV1Data(professional=doctor, version=version, **what)
        return OversightChangedV1.new(source="/records", time=NOW, subject=record, data=data)

    unit = Unit()
    await note_overseers(
        [said(2), said(3, oversight="attending", until=NOW), said(1)], unit, overseers=registry.overseers
    )
    await commit(unit)

    found = await registry.overseers.of(record, doctor)
    assert found is not None
    assert (found.oversight, found.until, found.version) == ("attending", NOW, 3)


class TestDoor:
    """GET /ops/log/producers."""

    async def ask(self, check: TraceCheck, query: str = "", name: str = "ada") -> httpx.Response:
        """Ask as an operator."""

        async def operator(request: Request) -> Principal:
            if request.headers["authorization"] != "ada":
                raise Problem(403, "other-kind")
            return Principal("ada", Kind.OPERATOR, frozenset())

        app = FastAPI()
        problems.install(app)
        app.include_router(completeness_doors(check.series, operator))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://audit") as client:
            return await client.get(f"/ops/log/producers{query}", headers={"authorization": name})

    async def test_gaps(self, registry: Registry, check: TraceCheck):
        """Operators see which numbers are missing, and since when; the rest only if they ask for it."""
        await numbered(registry, 1, 4)
        await check.series.take()
        since = registry.clock.instant

        (told,) = (await self.ask(check)).json()["producers"]

        assert (told["producer"], told["top"]) == (READS, 4)
        ((first, last, at),) = [tuple(gap.values()) for gap in told["gaps"]]
        assert (first, last, datetime.fromisoformat(at)) == (2, 3, since)
        await numbered(registry, 2, 3)
        await check.series.take()
        assert (await self.ask(check, "?gaps=true")).json() == {"producers": [], "next": None}
        assert (await self.ask(check, "?limit=1")).json()["next"] == READS
        assert (await self.ask(check, f"?after={READS}")).json()["producers"] == []

    @pytest.mark.parametrize("query", ["?after=a%20b", "?limit=0", "?limit=1001", "?after="])
    async def test_bad_input(self, check: TraceCheck, query: str):
        """45: what cannot be asked is refused, and not repeated."""
        answer = await self.ask(check, query)
        assert (answer.status_code, "a b" in answer.text) == (422, False)

    async def test_others(self, check: TraceCheck):
        """The door is an operator's."""
        assert (await self.ask(check, name="eve")).status_code == 403
