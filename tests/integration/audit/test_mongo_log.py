"""What only a log in MongoDB can show: sequencers that fight over it, indexes, rows that somebody changed."""

import asyncio

import pytest
from pymongo.errors import PyMongoError

from services.audit.adapters.log_rows import Collections, prepare
from services.audit.domain.entries import Fresh
from services.audit.domain.tree import LogDamagedError
from shared.messaging.failures import Failure, FencedError, RacedError, classify
from tests.fakes.entries import names, some_entries
from tests.integration.audit.house import Database, real
from verifier.leaves import parse_leaf

pytestmark = pytest.mark.integration


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
