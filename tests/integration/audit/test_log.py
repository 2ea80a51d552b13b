"""One suite for both logs, in memory and in MongoDB: what a log promises."""

from contextlib import suppress

import pytest

from services.audit.domain.entries import EMPTY
from shared.messaging.failures import Failure, FencedError, RacedError, classify
from shared.messaging.unit import Unit
from tests.fakes.audit import InMemoryLog, InMemoryLogReader, LogStorage
from tests.fakes.entries import an_entry, names, some_entries
from tests.integration.audit.house import Database, House, commit_in_memory, real

pytestmark = pytest.mark.integration


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
