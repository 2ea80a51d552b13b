"""One suite for both logs, in memory and in MongoDB; then what only the real one can show."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from services.audit.adapters.log_rows import Collections, prepare
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.mongo_log_reader import MongoLogReader
from services.audit.domain.entries import EMPTY, Fresh
from services.audit.domain.tree import LogDamagedError
from services.audit.ports import Log, LogReader
from shared.messaging.failures import Failure, FencedError, RacedError, classify
from shared.messaging.unit import Unit
from shared.mongo import DURABLE, SNAPSHOT
from tests.fakes.audit import InMemoryLog, InMemoryLogReader, LogStorage
from tests.fakes.entries import an_entry, names, some_entries, whole
from verifier.leaves import parse_leaf

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]


@dataclass
class House:
    """A log, as many sequencers as wanted, a reader, and the way to commit a unit."""

    sequencer: Callable[[], Log]
    reader: LogReader
    commit: Callable[[Unit], Awaitable[None]]

    async def append(self, log: Log, entries: list[Fresh]) -> None:
        """Read the head, append after it, commit."""
        unit = Unit()
        await log.append(entries, unit, after=await log.head())
        await self.commit(unit)

    async def whole(self) -> list[bytes]:
        """Return the events of the log; fail if it is damaged."""
        return whole(await self.reader.leaves(0, 100_000), await self.reader.head())


async def commit_in(database: Database, unit: Unit) -> None:
    """Apply a unit in one transaction, as the inbox does."""
    async with (
        database.client.start_session() as session,
        await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE),
    ):
        for effect in unit.effects:
            await effect(session)


async def commit_in_memory(unit: Unit) -> None:
    """Apply a unit to the fake."""
    for effect in unit.effects:
        await effect(None)


async def real(database: Database) -> House:
    """Return a log in MongoDB."""
    await prepare(database)
    return House(lambda: MongoLog(database), MongoLogReader(database), lambda unit: commit_in(database, unit))


@pytest.fixture(params=["memory", "mongo"])
async def house(request: pytest.FixtureRequest, database: Database) -> House:
    """Give each log in turn, empty."""
    if request.param == "mongo":
        return await real(database)
    storage = LogStorage()
    return House(lambda: InMemoryLog(storage), InMemoryLogReader(storage), commit_in_memory)


class TestBothLogs:
    """What a log promises."""

    async def test_empty(self, house: House):
        """A log that nobody has written to has a head and no entry."""
        assert await house.reader.head() == EMPTY
        assert list(await house.reader.leaves(0, 10)) == []

    async def test_appends(self, house: House):
        """F57: entries come out as they went in, in order, bound to one another."""
        log, first, second = house.sequencer(), some_entries(), some_entries(4)

        await house.append(log, first)
        await house.append(log, second)

        assert [raw for _, raw in await house.reader.leaves(0, 10)] == [entry.raw for entry in first + second]
        assert await house.whole() == names(first, second)

    async def test_pages(self, house: House):
        """A reader goes on from any index."""
        some = some_entries(5)
        await house.append(house.sequencer(), some)

        page = await house.reader.leaves(2, 2)

        assert list(page) == [(2, some[2].raw), (3, some[3].raw)]
        assert await house.reader.openings(2, 2) == {2: some[2].opening, 3: some[3].opening}

    async def test_race(self, house: House):
        """An append after a head that has moved is refused and writes nothing."""
        log, first, late = house.sequencer(), some_entries(), some_entries()
        head = await log.head()
        one, other = Unit(), Unit()
        await log.append(first, one, after=head)
        await log.append(late, other, after=head)

        await house.commit(one)
        with pytest.raises(RacedError):
            await house.commit(other)

        assert await house.whole() == names(first)

    async def test_frozen_sequencer(self, house: House):
        """A sequencer that wakes up after another took over is refused, and nothing of it is written."""
        frozen, successor, first, lost, kept = (
            house.sequencer(),
            house.sequencer(),
            some_entries(),
            some_entries(),
            some_entries(),
        )
        await house.append(frozen, first)
        unit = Unit()
        await frozen.append(lost, unit, after=await frozen.head())

        taken = await successor.head()
        with pytest.raises(FencedError) as refused:
            await house.commit(unit)
        await house.append(successor, kept)

        assert classify(refused.value) is Failure.FENCED
        assert (taken.size, taken.epoch) == (3, 2)
        assert await house.whole() == names(first, kept)
        with pytest.raises(FencedError):
            await frozen.head()

    async def test_standby(self, house: House):
        """A standby that was given nothing yet takes nothing over."""
        active, _standby = house.sequencer(), house.sequencer()

        await house.append(active, some_entries())
        await house.append(active, some_entries())

        assert (await house.reader.head()).epoch == 1

    async def test_same_event_twice(self, house: House):
        """An event that has an entry cannot get a second one; the next look says which it is."""
        log, first = house.sequencer(), some_entries()
        await house.append(log, first)

        again = [*some_entries(1), first[1]]
        with pytest.raises(RacedError):
            await house.append(log, again)

        assert await log.recorded(names(again)) == {first[1].leaf.event}
        await house.append(log, again[:1])
        assert await house.whole() == names(first, again[:1])

    async def test_chains(self, house: House):
        """The end of a record's chain is its last entry, also for a sequencer that has just taken over."""
        log, first, second = (
            house.sequencer(),
            [an_entry("a" * 32), an_entry()],
            [an_entry("a" * 32), an_entry("b" * 32)],
        )
        await house.append(log, first)
        await house.append(log, second)
        successor = house.sequencer()

        for asked in (log, successor):
            with suppress(FencedError):
                await asked.head()
            links = await asked.links({"a" * 32, "b" * 32, "c" * 32})
            assert {record[0]: link.hash for record, link in links.items()} == {
                "a": second[0].hash,
                "b": second[1].hash,
            }

    async def test_across_tiles(self, house: House):
        """A log that fills tiles keeps its root, whoever appends: 700 entries by sequencers that take turns."""
        for _ in range(7):
            await house.append(house.sequencer(), some_entries(100))

        assert len(await house.whole()) == 700


class TestMongoLog:
    """What only the database can show."""

    async def test_two_sequencers(self, database: Database):
        """Two sequencers that fight over 200 batches leave one linear log with every event once."""
        house = await real(database)
        batches = [some_entries(5) for _ in range(200)]

        async def sequence(own: list[list[Fresh]]) -> int:
            log, refusals = house.sequencer(), 0
            for batch in own:
                while True:
                    try:
                        await house.append(log, batch)
                        break
                    except FencedError:
                        log, refusals = house.sequencer(), refusals + 1
                    except (RacedError, PyMongoError) as error:
                        if classify(error) is not Failure.CONFLICT:
                            raise
                        refusals += 1
                    await asyncio.sleep(0)
            return refusals

        refused = await asyncio.gather(sequence(batches[::2]), sequence(batches[1::2]))

        logged = await house.whole()
        assert sorted(logged) == sorted(names(*batches))
        assert logged.index(batches[0][0].leaf.event) < logged.index(batches[2][0].leaf.event)
        assert sum(refused) > 0

    async def test_one_sequencer_twice(self, database: Database):
        """Two tasks of one sequencer race for the head and leave one linear log."""
        house = await real(database)
        log = house.sequencer()
        await log.head()
        batches = [some_entries(5) for _ in range(60)]

        async def append(own: list[list[Fresh]]) -> None:
            for batch in own:
                while True:
                    try:
                        await house.append(log, batch)
                        break
                    except (RacedError, PyMongoError) as error:
                        if classify(error) is not Failure.CONFLICT:
                            raise

        await asyncio.gather(append(batches[::2]), append(batches[1::2]))

        assert sorted(await house.whole()) == sorted(names(*batches))

    async def test_openings(self, database: Database):
        """An opening lies beside each entry, and destroying it leaves the log whole."""
        house = await real(database)
        await house.append(house.sequencer(), some_entries())

        openings = Collections.of(database).openings
        assert [row["_id"] async for row in openings.find().sort("_id")] == [0, 1, 2]
        await openings.delete_many({})

        assert len(await house.whole()) == 3

    async def test_beyond_the_head(self, database: Database):
        """Entries beyond the head mean that somebody meddled: appending stops instead of trying for ever."""
        house = await real(database)
        log = house.sequencer()
        await house.append(log, some_entries())
        await database["head"].update_one({"_id": "head"}, {"$set": {"size": 1}})

        with pytest.raises(LogDamagedError) as refused:
            await house.append(log, some_entries())

        assert classify(refused.value) is Failure.DATA

    async def test_a_tile_that_was_changed(self, database: Database):
        """I 101: a sequencer that takes over builds on no tile that does not have the head's root."""
        house = await real(database)
        await house.append(house.sequencer(), some_entries())
        await database["tiles"].update_one({"_id": "0/0"}, {"$set": {"hashes": bytes(96)}})

        with pytest.raises(LogDamagedError):
            await house.append(house.sequencer(), some_entries())

    async def test_by_their_indexes(self, database: Database):
        """What a proof, a list or a chain needs is found without reading what lies between, however long the log is."""
        house = await real(database)
        for _ in range(6):
            await house.append(house.sequencer(), some_entries(100))
        at = Collections.of(database)
        first, last = [parse_leaf(raw).event for at_end in (0, 599) for _, raw in await house.reader.leaves(at_end, 1)]
        for name, wanted in (
            ("tiles", {"_id": {"$in": ["0/0", "1/0"]}}),
            ("leaves", {"event": {"$in": [first, last]}}),
        ):
            find = {"explain": {"find": name, "filter": wanted}, "verbosity": "executionStats"}
            plan = await at.leaves.database.command(find)
            assert plan["executionStats"]["totalDocsExamined"] == 2, name

    async def test_prepared_twice(self, database: Database):
        """Preparing a log that is there changes nothing."""
        house = await real(database)
        some = some_entries()
        await house.append(house.sequencer(), some)

        await prepare(database)

        assert await house.whole() == names(some)
