"""A person's list on the real log: what the reader promises, with which index, and the two vaults behind it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.log_rows import Collections, prepare
from services.audit.adapters.mongo_accesses import MongoAccesses
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.vaults import TwoVaults
from services.audit.ports import AccessReader, Log
from shared.messaging.unit import Unit
from shared.mongo import stated
from shared.sealing import ERASED, Key, KeyClass, aad, open_found, seal
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault
from tests.fakes.audit import InMemoryAccesses, InMemoryLog, LogStorage
from tests.fakes.entries import an_entry

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]
START = datetime(2026, 11, 21, 10, tzinfo=UTC)
ALICE, BRUNO = "a" * 32, "b" * 32


@dataclass
class House:
    """A log and the way a person reads it."""

    log: Log
    reader: AccessReader

    async def append(self, *about: tuple[str | None, str]) -> None:
        """Append an entry about each, one a minute after the other."""
        head, unit = await self.log.head(), Unit()
        entries = [
            an_entry(record, wire_type, _ms(head.size + number), b"%d" % number)
            for number, (record, wire_type) in enumerate(about)
        ]
        await self.log.append(entries, unit, after=head)
        for effect in unit.effects:
            await effect(None)

    async def indexes(self, **bounds: Any) -> list[int]:
        """Return the indexes that Alice is shown."""
        wanted = {"before": None, "since": None, "until": None, "limit": 100, **bounds}
        return [kept.entry.index for kept in await self.reader.about(ALICE, **wanted)]


def _ms(minutes: int) -> int:
    return int((START + timedelta(minutes=minutes)).timestamp() * 1000)


@pytest.fixture(params=["memory", "mongo"])
async def house(request: pytest.FixtureRequest, database: Database) -> House:
    """Give each log in turn, empty."""
    if request.param == "mongo":
        await prepare(database)
        return House(MongoLog(database), MongoAccesses(database))
    storage = LogStorage()
    return House(InMemoryLog(storage), InMemoryAccesses(storage))


async def test_about_one_record(house: House):
    """F58: only what is about the record and meant for people, the newest first, each with its own opening."""
    await house.append(
        (ALICE, "access.traced.v1"),
        (BRUNO, "access.traced.v1"),
        (None, "access.traced.v1"),
        (ALICE, "reimbursement.received.v1"),
        (ALICE, "account.opened.v1"),
    )

    found = await house.reader.about(ALICE, before=None, since=None, until=None, limit=10)

    assert [(kept.entry.index, kept.opening.box) for kept in found] == [(4, b"4"), (0, b"0")]
    assert found[0].opening.type == "account.opened.v1"


async def test_bounds(house: House):
    """A list goes on below an index, and between two instants of recording."""
    await house.append(*[(ALICE, "access.traced.v1")] * 6)
    minutes = [START + timedelta(minutes=number) for number in range(7)]

    assert await house.indexes(limit=2) == [5, 4]
    assert await house.indexes(before=4, limit=2) == [3, 2]
    assert await house.indexes(before=0) == []
    assert await house.indexes(since=minutes[4]) == [5, 4]
    assert await house.indexes(until=minutes[1]) == [0]
    assert await house.indexes(since=minutes[2], until=minutes[4], before=3) == [2]


async def test_by_its_index(database: Database):
    """A person's page looks at that person's entries only, however long the log is."""
    await prepare(database)
    house = House(MongoLog(database), MongoAccesses(database))
    await house.append(*[(BRUNO, "access.traced.v1")] * 50, *[(ALICE, "access.traced.v1")] * 5, (None, "x.v1"))

    wanted = {"record": ALICE, "type": {"$in": ["access.traced.v1"]}, "_id": {"$lt": 54}}
    openings = Collections.of(database).openings
    plan = await openings.database.command(
        {
            "explain": {"find": "openings", "filter": wanted, "sort": {"_id": -1}, "limit": 3},
            "verbosity": "executionStats",
        }
    )

    assert plan["executionStats"]["totalDocsExamined"] <= 4
    assert plan["executionStats"]["nReturned"] == 3
    assert '"SORT"' not in str(plan["queryPlanner"]["winningPlan"]).replace("'", '"')


async def test_two_vaults(database: Database, mongo_client: Any):
    """115: keys come from the shared vault or from audit's own; audit mints none, and learns of an erasure."""
    kek = FileKek(urandom(32))
    name = f"{database.name}_own"
    shared, own = MongoVault(database, kek), MongoVault(stated(mongo_client[name]), kek)
    try:
        for vault in (shared, own):
            await vault.prepare()
        mine = (await own.ensure_keys([("audit", KeyClass.INTAKE)]))["audit", KeyClass.INTAKE]
        theirs = (await shared.ensure_keys([(ALICE, KeyClass.AUDIT)]))[ALICE, KeyClass.AUDIT]
        both = TwoVaults(shared, own, mine)

        given = await both.ensure_keys([(ALICE, KeyClass.AUDIT), (BRUNO, KeyClass.AUDIT)])
        assert given == {(ALICE, KeyClass.AUDIT): theirs, (BRUNO, KeyClass.AUDIT): mine}
        assert await shared.find_keys([(BRUNO, KeyClass.AUDIT)]) == {}

        keys = await both.keys_by_id([mine.id, theirs.id, bytes(16)])
        assert {key.id for key in keys.values() if isinstance(key, Key)} == {mine.id, theirs.id}
        place = aad(ALICE, "t", "access.v1")
        await shared.destroy_keys(ALICE, [KeyClass.AUDIT])
        assert open_found(await both.keys_by_id([theirs.id]), seal(theirs, b"x", place), place) is ERASED
    finally:
        await mongo_client.drop_database(name)
