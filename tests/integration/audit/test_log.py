"""One suite for both logs, in memory and in MongoDB; then what only the real one can show."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from services.audit.adapters.mongo_log import LogDamagedError, MongoLog, MongoLogReader, prepare
from services.audit.domain.chain import EMPTY, Leaf, Opening, find_fault
from services.audit.ports import Log, LogReader
from shared.messaging.failures import Failure, FencedError, RacedError, classify
from shared.messaging.unit import Unit
from shared.mongo import DURABLE, SNAPSHOT
from tests.fakes.audit import InMemoryLog, InMemoryLogReader, LogStorage

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]


@dataclass
class House:
    """A log, as many sequencers as wanted, a reader, and the way to commit a unit."""

    sequencer: Callable[[], Log]
    reader: LogReader
    commit: Callable[[Unit], Awaitable[None]]

    async def append(self, log: Log, leaves: list[Leaf]) -> None:
        """Read the head, append after it, commit."""
        unit = Unit()
        log.append(leaves, openings(leaves), unit, after=await log.head())
        await self.commit(unit)

    async def whole(self) -> list[str]:
        """Return the event keys of the log; fail if it is damaged."""
        entries = list(await self.reader.entries(0, 100_000))
        assert find_fault(entries, await self.reader.head()) is None
        return [entry.leaf.key for entry in entries]


def leaves(number: int = 3) -> list[Leaf]:
    """Return leaves that no test has met."""
    return [
        Leaf(
            f"/ingest|{uuid4().hex}", "line.kept.v1", "2026-11-21T10:00:00Z", 1, n % 2 * uuid4().hex or None, bytes(32)
        )
        for n in range(number)
    ]


def openings(some: list[Leaf]) -> list[Opening]:
    """Return an opening for each."""
    return [Opening(bytes(32), b"\x01shut") for _ in some]


def keys(*parts: list[Leaf]) -> list[str]:
    """Return event keys."""
    return [leaf.key for part in parts for leaf in part]


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
        assert list(await house.reader.entries(0, 10)) == []

    async def test_appends(self, house: House):
        """F57: entries come out as they went in, in order, bound to one another."""
        log, first, second = house.sequencer(), leaves(), leaves(4)

        await house.append(log, first)
        await house.append(log, second)

        assert [entry.leaf for entry in await house.reader.entries(0, 10)] == first + second
        assert await house.whole() == keys(first, second)

    async def test_pages(self, house: House):
        """A reader goes on from any index."""
        some = leaves(5)
        await house.append(house.sequencer(), some)

        page = await house.reader.entries(2, 2)

        assert [entry.index for entry in page] == [2, 3]
        assert [entry.leaf for entry in page] == some[2:4]

    async def test_race(self, house: House):
        """An append after a head that has moved is refused and writes nothing."""
        log, first, late = house.sequencer(), leaves(), leaves()
        head = await log.head()
        one, other = Unit(), Unit()
        log.append(first, openings(first), one, after=head)
        log.append(late, openings(late), other, after=head)

        await house.commit(one)
        with pytest.raises(RacedError):
            await house.commit(other)

        assert await house.whole() == keys(first)

    async def test_frozen_sequencer(self, house: House):
        """A sequencer that wakes up after another took over is refused, and nothing of it is written."""
        frozen, successor, first, lost, kept = house.sequencer(), house.sequencer(), leaves(), leaves(), leaves()
        await house.append(frozen, first)
        unit = Unit()
        frozen.append(lost, openings(lost), unit, after=await frozen.head())

        taken = await successor.head()
        with pytest.raises(FencedError) as refused:
            await house.commit(unit)
        await house.append(successor, kept)

        assert classify(refused.value) is Failure.FENCED
        assert (taken.size, taken.epoch) == (3, 2)
        assert await house.whole() == keys(first, kept)
        with pytest.raises(FencedError):
            await frozen.head()

    async def test_standby(self, house: House):
        """A standby that was given nothing yet takes nothing over."""
        active, _standby = house.sequencer(), house.sequencer()

        await house.append(active, leaves())
        await house.append(active, leaves())

        assert (await house.reader.head()).epoch == 1

    async def test_same_event_twice(self, house: House):
        """An event that has an entry cannot get a second one; the next look says which it is."""
        log, first = house.sequencer(), leaves()
        await house.append(log, first)

        again = [*leaves(1), first[1]]
        with pytest.raises(RacedError):
            await house.append(log, again)

        assert await log.recorded(keys(again)) == {first[1].key}
        await house.append(log, again[:1])
        assert await house.whole() == keys(first, again[:1])


class TestMongoLog:
    """What only the database can show."""

    async def test_two_sequencers(self, database: Database):
        """Two sequencers that fight over 200 batches leave one linear chain with every event once."""
        house = await real(database)
        batches = [leaves(5) for _ in range(200)]

        async def sequence(own: list[list[Leaf]]) -> int:
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
        assert sorted(logged) == sorted(keys(*batches))
        assert logged.index(batches[0][0].key) < logged.index(batches[2][0].key)
        assert sum(refused) > 0

    async def test_one_sequencer_twice(self, database: Database):
        """Two tasks of one sequencer race for the head and leave one linear chain."""
        house = await real(database)
        log = house.sequencer()
        await log.head()
        batches = [leaves(5) for _ in range(60)]

        async def append(own: list[list[Leaf]]) -> None:
            for batch in own:
                while True:
                    try:
                        await house.append(log, batch)
                        break
                    except (RacedError, PyMongoError) as error:
                        if classify(error) is not Failure.CONFLICT:
                            raise

        await asyncio.gather(append(batches[::2]), append(batches[1::2]))

        assert sorted(await house.whole()) == sorted(keys(*batches))

    async def test_openings(self, database: Database):
        """An opening lies beside each entry, and destroying it leaves the log whole."""
        house = await real(database)
        await house.append(house.sequencer(), leaves())

        assert [row["_id"] async for row in database["openings"].find().sort("_id")] == [0, 1, 2]
        await database["openings"].delete_many({})

        assert len(await house.whole()) == 3

    async def test_beyond_the_head(self, database: Database):
        """Entries beyond the head mean that somebody meddled: appending stops instead of trying for ever."""
        house = await real(database)
        log = house.sequencer()
        await house.append(log, leaves())
        await database["head"].update_one({"_id": "head"}, {"$set": {"size": 1}})

        with pytest.raises(LogDamagedError) as refused:
            await house.append(log, leaves())

        assert classify(refused.value) is Failure.DATA

    async def test_prepared_twice(self, database: Database):
        """Preparing a log that is there changes nothing."""
        house = await real(database)
        some = leaves()
        await house.append(house.sequencer(), some)

        await prepare(database)

        assert await house.whole() == keys(some)
