"""The stores of deposits, in memory and in MongoDB: the same answers, the same races."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.ingest.adapters.mongo_backlog import MongoBacklog
from services.ingest.adapters.mongo_deposits import MongoDeposits
from services.ingest.adapters.mongo_states import MongoAccountStates
from services.ingest.domain.accounts import Account
from services.ingest.domain.deposits import Deposit, end
from services.ingest.ports import AccountStore, DepositStore
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit
from tests.fakes.ingest import NOON, InMemoryAccountStates, InMemoryDeposits

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]
FIRST = Deposit("1" * 32, "c" * 32, "5f" * 16, "d" * 32, "e" * 32, NOON)
SECOND = replace(FIRST, document="2" * 32, content="b" * 32)


async def commit(unit: Unit, client: Any) -> None:
    """Apply a unit in a transaction."""
    async with client.start_session() as session, await session.start_transaction():
        for effect in unit.effects:
            await effect(session)


@pytest.fixture(params=["memory", "mongodb"])
async def deposits(request: pytest.FixtureRequest, database: Database) -> DepositStore:
    """Give a store without deposits."""
    if request.param == "memory":
        return InMemoryDeposits()
    store = MongoDeposits(database)
    await store.prepare()
    return store


@pytest.fixture(params=["memory", "mongodb"])
async def accounts(request: pytest.FixtureRequest, database: Database) -> AccountStore:
    """Give a store that knows nobody."""
    if request.param == "memory":
        return InMemoryAccountStates()
    store = MongoAccountStates(database)
    await store.prepare()
    return store


async def test_deposits_are_found_as_they_were_saved(deposits: DepositStore, mongo_client: Any):
    """What is saved is found, by id; what has ended is told apart."""
    unit = Unit()
    deposits.save([FIRST, SECOND], unit, read={})
    await commit(unit, mongo_client)
    assert await deposits.find({FIRST.document, SECOND.document, "0" * 32}) == {
        FIRST.document: FIRST,
        SECOND.document: SECOND,
    }
    assert not await deposits.ended([FIRST.document, SECOND.document])
    refused, unit = end(SECOND, NOON, "account-opposed"), Unit()
    deposits.save([refused], unit, read={SECOND.document: SECOND})
    await commit(unit, mongo_client)
    assert await deposits.ended([FIRST.document, SECOND.document]) == {SECOND.document: refused}


async def test_one_deposit_stands_per_document(deposits: DepositStore, mongo_client: Any):
    """F26: of two that both saw no deposit, the second to commit conflicts, and the first stands."""
    one, two = Unit(), Unit()
    deposits.save([FIRST], one, read={})
    deposits.save([replace(FIRST, content="a" * 32)], two, read={})
    await commit(one, mongo_client)
    with pytest.raises(Exception) as failure:  # noqa: PT011 - a fake and a driver conflict by different classes
        await commit(two, mongo_client)
    assert classify(failure.value) is Failure.CONFLICT
    assert await deposits.find({FIRST.document}) == {FIRST.document: FIRST}


async def test_a_changed_deposit_is_not_overwritten(deposits: DepositStore, mongo_client: Any):
    """Whoever read a deposit that was changed since decides again."""
    unit = Unit()
    deposits.save([FIRST], unit, read={})
    await commit(unit, mongo_client)
    stored, refused = Unit(), Unit()
    deposits.save([end(FIRST, NOON)], stored, read={FIRST.document: FIRST})
    deposits.save([end(FIRST, NOON, "account-opposed")], refused, read={FIRST.document: FIRST})
    await commit(stored, mongo_client)
    with pytest.raises(Exception) as failure:  # noqa: PT011 - as above
        await commit(refused, mongo_client)
    assert classify(failure.value) is Failure.CONFLICT
    assert await deposits.ended([FIRST.document]) == {FIRST.document: end(FIRST, NOON)}


async def test_accounts_are_guarded_by_their_version(accounts: AccountStore, mongo_client: Any):
    """News that were decided on an older state do not overwrite a newer one."""
    open_, opposed, closed = (Account("5f" * 16, is_open, n) for n, is_open in ((2, True), (3, False), (4, False)))
    unit = Unit()
    accounts.save([open_], unit, read={})
    await commit(unit, mongo_client)
    read = await accounts.find({open_.record, "0" * 32})
    assert read == {open_.record: open_}
    late, soon = Unit(), Unit()
    accounts.save([opposed], late, read=read)
    accounts.save([closed], soon, read=read)
    await commit(soon, mongo_client)
    with pytest.raises(Exception) as failure:  # noqa: PT011 - as above
        await commit(late, mongo_client)
    assert classify(failure.value) is Failure.CONFLICT
    assert await accounts.find({open_.record}) == {open_.record: closed}


async def test_the_backlog_is_as_old_as_its_oldest_message(database: Database):
    """Rule 12: what is unsent for too long makes the backlog full; what was sent, or is young, does not."""
    backlog = MongoBacklog(database, longest=timedelta(seconds=60))
    now = datetime.now(UTC)
    old, young = now - timedelta(seconds=61), now - timedelta(seconds=50)
    await database["outbox"].insert_many([{"created": old, "sent": now}, {"created": young, "unsent": True}])
    assert not await backlog.is_full()
    await database["outbox"].insert_one({"created": old, "unsent": True})
    assert not await backlog.is_full(), "looked at once a second"
    assert await MongoBacklog(database).is_full()


async def test_the_backlog_is_as_large_as_its_messages(database: Database):
    """Rule 12: more bytes unsent than may be make the backlog full, however young they are."""
    await database["outbox"].insert_one({"created": datetime.now(UTC), "unsent": True, "size": 1_000})
    assert not await MongoBacklog(database, most=1_000).is_full()
    assert await MongoBacklog(database, most=999).is_full()
