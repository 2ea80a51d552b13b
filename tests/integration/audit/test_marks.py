"""What stands beside the log, in memory and in MongoDB alike: marks, producers' numbers, overseers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.log_rows import prepare
from services.audit.adapters.mongo_erasures import MongoErasures
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.mongo_marks import MongoMarks
from services.audit.adapters.mongo_overseers import MongoOverseers
from services.audit.adapters.mongo_series import MongoSeries
from services.audit.domain.entries import Fresh
from services.audit.domain.marks import Mark, Marked
from services.audit.domain.overseers import Overseer
from services.audit.ports import Log, MarkReader, MarkStore, OverseerStore, SeriesStore
from shared.messaging import instants
from shared.messaging.unit import Unit
from tests.fakes.audit import InMemoryLog, LogStorage
from tests.fakes.beside import InMemoryMarks, InMemoryOverseers, InMemorySeries
from tests.fakes.entries import an_entry

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]
START = datetime(2026, 11, 21, 10, tzinfo=UTC)
ALICE, BRUNO = "a" * 32, "b" * 32
DOCTOR, NURSE = "d" * 32, "e" * 32
READS = "records.host.1/reads"


class Marks(MarkStore, MarkReader):
    """Both sides."""


@dataclass
class House:
    """A log and what stands beside it."""

    log: Log
    marks: Marks
    series: SeriesStore
    overseers: OverseerStore
    commit: Callable[[Unit], Awaitable[None]]
    minute: int = 0

    async def append(self, *about: tuple[str, str | None, int | None]) -> list[Fresh]:
        """Log a trace of each record, actor and number in one commit, a minute after those before."""
        self.minute += 1
        entries = [an_entry(record, "access.traced.v1", self.minute) for record, _, _ in about]
        unit, head = Unit(), await self.log.head()
        await self.log.append(entries, unit, after=head)
        self.marks.add(self.marked(entries, about), START + timedelta(minutes=self.minute), unit)
        await self.commit(unit)
        return entries

    @staticmethod
    def marked(entries: Sequence[Fresh], about: Sequence[tuple[str, str | None, int | None]]) -> list[Marked]:
        """Return the marks of entries."""
        return [
            Marked(entry.leaf.event, record, Mark(actor, READS if number else None, number))
            for entry, (record, actor, number) in zip(entries, about, strict=True)
        ]

    async def listed(self, actor: str, **bounds: Any) -> list[int | None]:
        """Return the indexes of an actor's traces."""
        wanted = {"record": None, "before": None, "since": None, "until": None, "limit": 100, **bounds}
        return [each.kept.entry.index if each.kept else None for each in await self.marks.of(actor, **wanted)]

    async def tell(self, counts: dict[str, int]) -> None:
        """State counts."""
        unit = Unit()
        self.series.told(counts, unit)
        await self.commit(unit)

    async def missing(self) -> dict[str, list[tuple[int, int]]]:
        """Take up what is new and return the gaps."""
        await self.series.take()
        found = await self.series.incomplete()
        return {name: [(gap.first, gap.last) for gap in series.gaps] for name, series in found.items()}


@pytest.fixture(params=["memory", "mongo"])
async def house(request: pytest.FixtureRequest, database: Database) -> House:
    """Give each in turn, empty."""
    if request.param == "mongo":
        await prepare(database)
        marks = MongoMarks(database)
        await marks.prepare()

        async def commit(unit: Unit) -> None:
            async with database.client.start_session() as session, await session.start_transaction():
                for effect in unit.effects:
                    await effect(session)

        return House(MongoLog(database), marks, MongoSeries(database), MongoOverseers(database), commit)  # type: ignore[arg-type]
    storage = LogStorage()
    kept = InMemoryMarks(storage)

    async def apply(unit: Unit) -> None:
        for effect in unit.effects:
            await effect(None)

    return House(InMemoryLog(storage), kept, InMemorySeries(kept, instants.now), InMemoryOverseers(), apply)  # type: ignore[arg-type]


async def test_an_actor_s_traces(house: House):
    """F59: an actor's own, the newest first, of one record if so wished."""
    await house.append((ALICE, DOCTOR, None), (ALICE, NURSE, None), (BRUNO, DOCTOR, None))
    await house.append((ALICE, None, 1), (ALICE, DOCTOR, 2))

    assert await house.listed(DOCTOR) == [4, 2, 0]
    assert await house.listed(DOCTOR, record=ALICE) == [4, 0]
    assert await house.listed(NURSE) == [1]
    assert await house.listed("f" * 32) == []


async def test_places(house: House):
    """A list goes on below a place, also among those of one commit, and between two instants of recording."""
    for _ in range(3):
        await house.append((ALICE, DOCTOR, None), (ALICE, DOCTOR, None))
    at = [START + timedelta(minutes=minute) for minute in range(5)]
    seen: list[int | None] = []
    before = None
    while page := await house.marks.of(DOCTOR, record=None, before=before, since=None, until=None, limit=1):
        seen += [each.kept.entry.index if each.kept else None for each in page]
        before = page[-1].place

    assert seen == [5, 4, 3, 2, 1, 0]
    assert await house.listed(DOCTOR, since=at[2]) == [5, 4, 3, 2]
    assert await house.listed(DOCTOR, until=at[2]) == [1, 0]
    assert await house.listed(DOCTOR, since=at[2], until=at[3]) == [3, 2]


async def test_the_same_again(house: House):
    """A trace that is marked already keeps its mark: it stands in the list once, and the transaction goes on."""
    about = (ALICE, DOCTOR, 1)
    entries = await house.append(about)
    unit = Unit()
    house.marks.add(house.marked(entries, [about]), START + timedelta(days=1), unit)
    await house.commit(unit)

    assert await house.listed(DOCTOR) == [0]


async def test_numbers(house: House):
    """F57: what is missing among numbers, in any order, and below what was stated; what comes closes its gap."""
    await house.append((ALICE, None, 4), (ALICE, None, 1))
    assert await house.missing() == {READS: [(2, 3)]}

    await house.append((ALICE, None, 2))
    await house.tell({READS: 6, "ingest.host.2/acts-0": 1})
    assert await house.missing() == {READS: [(3, 3), (5, 6)], "ingest.host.2/acts-0": [(1, 1)]}

    await house.tell({READS: 5})
    await house.append((ALICE, None, 6), (ALICE, None, 3), (ALICE, None, 5))
    assert await house.missing() == {"ingest.host.2/acts-0": [(1, 1)]}
    assert [(name, series.top) for name, series in await house.series.all(None, 10)] == [
        ("ingest.host.2/acts-0", 1),
        (READS, 6),
    ]
    assert [name for name, _ in await house.series.all(None, 10, gaps=True)] == ["ingest.host.2/acts-0"]
    assert [name for name, _ in await house.series.all("ingest.host.2/acts-0", 10)] == [READS]


async def test_a_look_that_was_cut_off(database: Database):
    """What was taken up and not noted as taken is taken up again, and changes nothing."""
    await prepare(database)
    marks, series = MongoMarks(database), MongoSeries(database)
    await marks.prepare()
    unit = Unit()
    marks.add([Marked(bytes([n]) * 16, None, Mark(None, READS, n)) for n in (1, 2, 5)], START, unit)
    async with database.client.start_session() as session, await session.start_transaction():
        for effect in unit.effects:
            await effect(session)
    await series.take()
    before = await series.all(None, 10)
    await database["stated"].delete_many({})
    await series.take()

    assert await series.all(None, 10) == before


async def test_overseers(house: House):
    """F51: what was said last of a professional and a record, by its version, whatever comes first."""
    until = START + timedelta(days=365)

    async def say(*said: Overseer) -> None:
        unit = Unit()
        house.overseers.save(said, unit)
        await house.commit(unit)

    await say(Overseer(ALICE, DOCTOR, "attending", until, 2), Overseer(ALICE, NURSE, "administrator", until, 1))
    await say(Overseer(ALICE, DOCTOR, None, None, 1), Overseer(ALICE, NURSE, None, None, 2))

    assert await house.overseers.of(ALICE, DOCTOR) == Overseer(ALICE, DOCTOR, "attending", until, 2)
    assert await house.overseers.of(ALICE, NURSE) == Overseer(ALICE, NURSE, None, None, 2)
    assert await house.overseers.of(BRUNO, DOCTOR) is None


async def test_by_its_name(database: Database):
    """A professional's page looks at that professional's marks only, however many there are."""
    await prepare(database)
    marks = MongoMarks(database)
    await marks.prepare()
    unit = Unit()
    marks.add(
        [Marked(bytes([n]) * 16, ALICE, Mark(DOCTOR if n % 10 else NURSE, None, None)) for n in range(100)], START, unit
    )
    async with database.client.start_session() as session, await session.start_transaction():
        for effect in unit.effects:
            await effect(session)

    wanted = {"actor": NURSE, "place": {"$lt": 2**62}}
    plan = await database.command(
        {
            "explain": {"find": "marks", "filter": wanted, "sort": {"place": -1}, "limit": 3},
            "verbosity": "executionStats",
        }
    )

    assert plan["executionStats"]["totalDocsExamined"] == 3


async def test_an_erasure_forgets_whose_and_about_whom(database: Database):
    """F57: before the openings of a record go, its marks forget names and record; others', and the numbers, stay."""
    await prepare(database)
    marks, log, erasures = MongoMarks(database), MongoLog(database), MongoErasures(database)
    await marks.prepare()

    async def commit(unit: Unit) -> None:
        async with database.client.start_session() as session, await session.start_transaction():
            for effect in unit.effects:
                await effect(session)

    house = House(log, marks, MongoSeries(database), MongoOverseers(database), commit)  # type: ignore[arg-type]
    await house.append((ALICE, DOCTOR, 1), (BRUNO, DOCTOR, 2), (ALICE, None, 3))
    erasure = await erasures.about(ALICE)
    assert erasure is not None
    for _ in range(2):
        await erasures.unmark(erasure)

    assert await house.listed(DOCTOR) == [1]
    rows = await database["marks"].find({"number": {"$in": [1, 3]}}).to_list()
    assert len(rows) == 2
    assert all(not {"record", "actor"} & row.keys() for row in rows)
    assert await house.missing() == {}
