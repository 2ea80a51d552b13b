"""A deposit and an opposition at the same moment on a real database: one of them is told to start again (C43)."""

import asyncio
from dataclasses import replace

import pytest
from pymongo.asynchronous.client_session import AsyncClientSession

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_documents import MongoDocuments
from services.records.domain.account import Account, AccountState
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit
from shared.mongo import DURABLE, SNAPSHOT
from tests.integration.records.reading import Database, a_document, an_account, commit

pytestmark = pytest.mark.integration


async def test_opposition_against_deposit(database: Database):
    """C43: of an opposition and a deposit at the same moment one is told to start again, a hundred times."""
    accounts, documents = MongoAccounts(database), MongoDocuments(database)
    await accounts.prepare()
    await documents.prepare()
    people = [an_account() for _ in range(100)]
    await commit(database, lambda unit: accounts.save(people, unit, read={}))

    async def race(person: Account) -> None:
        opposed = replace(person, state=AccountState.OPPOSED, version=3)

        def store(unit: Unit) -> None:
            accounts.hold([person.record], unit)
            documents.add([a_document(person.record)], unit)

        def oppose(unit: Unit) -> None:
            accounts.save([opposed], unit, read={person.record: person})

        ends = await asyncio.gather(commit(database, store), commit(database, oppose), return_exceptions=True)
        failed = [end for end in ends if isinstance(end, Exception)]
        assert all(classify(end) is Failure.CONFLICT for end in failed)
        assert len(failed) <= 1

    for at in range(0, len(people), 10):
        await asyncio.gather(*(race(person) for person in people[at : at + 10]))

    states = await accounts.states([person.record for person in people])
    stored = {row["record"] async for row in database["documents"].find({})}
    # Where both took effect, the document came first: what is refused is a document in a record opposed before.
    refused = {person.record for person in people} - stored
    assert all(states[record] is AccountState.OPPOSED for record in refused)


async def test_neither_slips_past_the_other(database: Database):
    """C43: a deposit that began before an opposition and ends after it is told to start again, and then refused."""
    accounts, documents = MongoAccounts(database), MongoDocuments(database)
    await accounts.prepare()
    await documents.prepare()
    person = an_account()
    await commit(database, lambda unit: accounts.save([person], unit, read={}))
    deposit, opposition = Unit(), Unit()
    accounts.hold([person.record], deposit)
    documents.add([a_document(person.record)], deposit)
    opposed = replace(person, state=AccountState.OPPOSED, version=3)
    accounts.save([opposed], opposition, read={person.record: person})

    async with database.client.start_session() as slow:
        await slow.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
        await database["documents"].find_one({"_id": "the snapshot is taken"}, session=slow)
        await commit(database, lambda unit: unit.effects.extend(opposition.effects))
        with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
            await _apply(deposit, slow)

    assert classify(raced.value) is Failure.CONFLICT
    assert await documents.links(person.record) == []


async def _apply(unit: Unit, session: AsyncClientSession) -> None:
    for effect in unit.effects:
        await effect(session)
