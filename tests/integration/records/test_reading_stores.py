"""One suite for the stores that a read looks into, in memory and in MongoDB: documents, glances, accounts, contents."""

from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest
from bson.binary import Binary

from services.records.adapters.mongo_contents import MongoContents
from services.records.adapters.mongo_glances import MongoGlances
from services.records.domain.account import AccountState
from services.records.domain.glance import Glance
from services.records.ports import AccountStore, DocumentStore, GlanceStore
from shared.messaging.failures import Failure, classify
from tests.fakes.reads import InMemoryGlances
from tests.integration.records.reading import Database, a_document, a_right, an_account, commit, store_of

pytestmark = pytest.mark.integration


@pytest.fixture
async def accounts(kind: str, database: Database) -> AccountStore:
    """Give each account store in turn, empty."""
    store: AccountStore = await store_of("accounts", kind, database)
    return store


@pytest.fixture
async def documents(kind: str, database: Database) -> DocumentStore:
    """Give each document store in turn, empty."""
    store: DocumentStore = await store_of("documents", kind, database)
    return store


async def test_documents_as_they_were_added(documents: DocumentStore, database: Database):
    """What is found is what was added, to the last field, in its own record only (C30)."""
    one = replace(a_document("a" * 32, "4a" * 16), masked=True, version=3)
    other = a_document("b" * 32)
    await commit(database, lambda unit: documents.add([one, other], unit))
    await commit(database, lambda unit: documents.add([], unit))

    assert await documents.known({one.id, uuid4().hex}) == {one.id}
    assert await documents.known(set()) == set()
    assert await documents.links(one.record) == [one.link]
    assert await documents.find(one.record, {one.id, other.id}) == {one.id: one}
    assert await documents.find(one.record, set()) == {}


async def test_a_document_added_meanwhile(documents: DocumentStore, database: Database):
    """A document that came first stops the whole commit and stays as it was (rule 9)."""
    first, bystander = a_document("a" * 32), a_document("a" * 32)
    await commit(database, lambda unit: documents.add([first], unit))

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await commit(database, lambda unit: documents.add([bystander, replace(first, content="0" * 32)], unit))

    assert classify(raced.value) is Failure.CONFLICT
    assert await documents.find(first.record, {first.id, bystander.id}) == {first.id: first}


async def test_a_mask_is_guarded(documents: DocumentStore, database: Database):
    """F33: of two changes of one version the second is told to start again."""
    read = a_document("a" * 32)
    await commit(database, lambda unit: documents.add([read], unit))
    masked = replace(read, masked=True, version=2)
    await commit(database, lambda unit: documents.save(masked, unit, read=read))

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await commit(database, lambda unit: documents.save(replace(read, version=2), unit, read=read))

    assert classify(raced.value) is Failure.CONFLICT
    assert await documents.find(read.record, {read.id}) == {read.id: masked}


async def test_a_record_at_a_glance(kind: str, database: Database):
    """F38, F48: one look sees the account, the caller's right and the documents of one record, to the last field."""
    accounts, rights, documents = [await store_of(name, kind, database) for name in ("accounts", "rights", "documents")]
    fakes = kind == "memory"
    glances: GlanceStore = InMemoryGlances(accounts, rights, documents) if fakes else MongoGlances(database)
    account, foreign = an_account(), an_account(AccountState.OPPOSED)
    record, right = account.record, a_right(account.record)
    one, other = replace(a_document(record, "4a" * 16), masked=True, version=3), a_document(record)
    await commit(
        database,
        lambda unit: accounts.save([account, foreign], unit, read={}),
        lambda unit: documents.add([one, other, a_document(foreign.record)], unit),
        partial(rights.save, right, read=None),
        partial(rights.save, a_right(record), read=None),
        partial(rights.save, replace(right, record=foreign.record), read=None),
    )
    name = right.professional

    assert await glances.some(record, name) == Glance(AccountState.OPEN, right, [], [])
    assert await glances.some(record, None) == Glance(AccountState.OPEN, None, [], [])
    assert await glances.some(uuid4().hex, name, documents=9) == Glance(None, None, [], [])
    all_of_it = await glances.some(record, name, documents=9)
    assert {each.id: each for each in all_of_it.documents} == {one.id: one, other.id: other}
    assert len((await glances.some(record, name, documents=1)).documents) == 1

    seen = await glances.one(record, name, document=one.id)
    assert (seen.account, seen.right, seen.documents) == (AccountState.OPEN, right, [one])
    assert {each.id: each for each in seen.links} == {one.id: one.link, other.id: other.link}
    missed = await glances.one(foreign.record, None, document=one.id)
    assert (missed.account, missed.right, missed.documents) == (AccountState.OPPOSED, None, [])


@pytest.mark.parametrize("state", [AccountState.OPEN, AccountState.ACTIVATED, AccountState.OPPOSED, None])
async def test_only_open_accounts_are_held(accounts: AccountStore, database: Database, state: AccountState | None):
    """C43: a commit that holds an account fails unless the account is open then; nothing of it changes."""
    held = an_account(state or AccountState.OPEN)
    if state is not None:
        await commit(database, lambda unit: accounts.save([held], unit, read={}))
    if state in (AccountState.OPEN, AccountState.ACTIVATED):
        await commit(database, lambda unit: accounts.hold([held.record], unit))
        assert await accounts.find({held.record}) == {held.record: held}
        return

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await commit(database, lambda unit: accounts.hold([held.record], unit))
    assert classify(raced.value) is Failure.CONFLICT


async def test_contents_are_found(database: Database):
    """What ingest inserted is found by its id; what is gone is None."""
    await database["documents"].insert_one({"_id": "c" * 32, "record": "a" * 32, "box": Binary(b"\x01shut")})

    assert await MongoContents(database).find("c" * 32) == b"\x01shut"
    assert await MongoContents(database).find("d" * 32) is None
