"""One suite for the store of first registered traits, in memory and in MongoDB (F21)."""

from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.ingest.adapters.mongo_identities import MongoIdentities
from services.ingest.ports import IdentityStore
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit
from tests.fakes.ingest import InMemoryIdentities

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]

ONE, TWO = b"\x01" * 32, b"\x02" * 32


@pytest.fixture(params=["memory", "mongo"])
async def identities(request: pytest.FixtureRequest, database: Database) -> IdentityStore:
    """Give each store in turn, empty."""
    if request.param == "memory":
        return InMemoryIdentities()
    store = MongoIdentities(database)
    await store.prepare()
    await store.prepare()
    return store


async def _commit(unit: Unit, database: Database) -> None:
    """Apply a unit's effects in one transaction, as the inbox does; memory takes no notice of it."""
    async with database.client.start_session() as session:
        await session.start_transaction(
            read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True)
        )
        for effect in unit.effects:
            await effect(session)
        await session.commit_transaction()


async def test_first_traits(identities: IdentityStore, database: Database):
    """What was first registered is found again; an unknown record is absent."""
    one, two = uuid4().hex, uuid4().hex
    unit = Unit()
    identities.add({one: ONE, two: TWO}, unit)
    assert await identities.digests({one}) == {}
    await _commit(unit, database)

    assert await identities.digests({one, two, uuid4().hex}) == {one: ONE, two: TWO}
    assert await identities.digests(set()) == {}


async def test_nothing_to_add(identities: IdentityStore):
    """Without new records there is no effect to run."""
    unit = Unit()
    identities.add({}, unit)
    assert not unit.effects


async def test_first_writer_wins(identities: IdentityStore, database: Database):
    """The second to register a record conflicts, nothing of its batch is written, and the first traits stay (F21)."""
    record, neighbour = uuid4().hex, uuid4().hex
    first, second = Unit(), Unit()
    identities.add({record: ONE}, first)
    identities.add({record: TWO, neighbour: TWO}, second)
    await _commit(first, database)

    with pytest.raises(Exception) as lost:  # noqa: PT011 - whatever it is, the core must take it for a conflict
        await _commit(second, database)

    assert classify(lost.value) is Failure.CONFLICT
    assert await identities.digests({record, neighbour}) == {record: ONE}


async def test_a_batch_of_200(identities: IdentityStore, database: Database):
    """A whole batch is found in one look."""
    records = {uuid4().hex: ONE for _ in range(200)}
    unit = Unit()
    identities.add(records, unit)
    await _commit(unit, database)
    assert await identities.digests(records) == records
