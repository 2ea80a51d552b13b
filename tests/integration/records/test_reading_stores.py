"""One suite for the stores of documents, rights and traces, in memory and in MongoDB; then the races."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from bson.binary import Binary
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_contents import MongoContents
from services.records.adapters.mongo_documents import MongoDocuments
from services.records.adapters.mongo_glances import MongoGlances
from services.records.adapters.mongo_rights import MongoRights
from services.records.adapters.mongo_traces import MongoTraces
from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.documents import Document
from services.records.domain.glance import Glance
from services.records.domain.rights import By, Grant, Right
from services.records.ports import AccountStore, DocumentStore, GlanceStore, Pending, RightStore, TraceStore
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit
from shared.mongo import DURABLE, SNAPSHOT
from tests.fakes.reads import InMemoryDocuments, InMemoryGlances, InMemoryRights, InMemoryTraces
from tests.fakes.records import InMemoryAccounts

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]

SINCE = datetime(2026, 11, 15, 12, 0, 0, 123_000, tzinfo=UTC)
TOLD = Registration(1, "cpam-44", "e1", "RG", "44", date(2015, 3, 2), ins_key_valid=True, box=b"\x01shut")
STORES: dict[str, tuple[Callable[[], Any], Callable[[Database], Any]]] = {
    "accounts": (InMemoryAccounts, MongoAccounts),
    "documents": (InMemoryDocuments, MongoDocuments),
    "rights": (InMemoryRights, MongoRights),
    "traces": (InMemoryTraces, MongoTraces),
}


async def _store(name: str, kind: str, database: Database) -> Any:
    fake, real = STORES[name]
    if kind == "memory":
        return fake()
    store = real(database)
    await store.prepare()
    return store


@pytest.fixture(params=["memory", "mongo"])
def kind(request: pytest.FixtureRequest) -> str:
    """Say which of the two is tried."""
    name: str = request.param
    return name


@pytest.fixture
async def accounts(kind: str, database: Database) -> AccountStore:
    """Give each account store in turn, empty."""
    store: AccountStore = await _store("accounts", kind, database)
    return store


@pytest.fixture
async def documents(kind: str, database: Database) -> DocumentStore:
    """Give each document store in turn, empty."""
    store: DocumentStore = await _store("documents", kind, database)
    return store


@pytest.fixture
async def rights(kind: str, database: Database) -> RightStore:
    """Give each store of rights in turn, empty."""
    store: RightStore = await _store("rights", kind, database)
    return store


@pytest.fixture
async def traces(kind: str, database: Database) -> TraceStore:
    """Give each store of traces in turn, empty."""
    store: TraceStore = await _store("traces", kind, database)
    return store


def a_document(record: str, *replaces: str) -> Document:
    """Return a document that no test has met."""
    return Document(
        id=uuid4().hex,
        record=record,
        content=uuid4().hex,
        created=SINCE,
        replaces=replaces,
        size=77_312,
        depositor="d0" * 16,
        stored=SINCE,
        event="e1",
        box=b"\x01shut",
    )


def a_right(record: str) -> Right:
    """Return a right that no test has met."""
    return Right(record, uuid4().hex, Grant.AUTHORISED, SINCE, By.PROFESSIONAL, 1, b"\x01shut")


def an_account(state: AccountState = AccountState.OPEN) -> Account:
    """Return an account that no test has met."""
    return Account(uuid4().hex, state, Cause.LEGACY_DMP, SINCE, 2, TOLD)


async def commit(database: Database, *write: Callable[[Unit], None]) -> None:
    """Apply what is written down in one transaction; a store in memory takes no notice of it."""
    unit = Unit()
    for each in write:
        each(unit)
    async with database.client.start_session() as session:
        await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
        for effect in unit.effects:
            await effect(session)
        await session.commit_transaction()


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
    accounts, rights, documents = [await _store(name, kind, database) for name in ("accounts", "rights", "documents")]
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


async def test_rights_as_they_were_saved(rights: RightStore, database: Database):
    """F49: a record's rights come back whole, the latest first, and others' never."""
    record = uuid4().hex
    early, late, foreign = a_right(record), replace(a_right(record), since=SINCE + timedelta(days=1)), a_right("b" * 32)
    for right in (early, late, foreign):
        await commit(database, partial(rights.save, right, read=None))

    assert await rights.of_record(record) == [late, early]
    assert await rights.find(record, {early.professional, foreign.professional}) == {early.professional: early}


@pytest.mark.parametrize("absent", [True, False], ids=["thought absent", "changed"])
async def test_a_right_changed_meanwhile(rights: RightStore, database: Database, absent: bool):
    """A right that is not as it was read stops the commit: a block is never overwritten by an older look (F49)."""
    read = a_right("a" * 32)
    blocked = replace(read, grant=Grant.BLOCKED, version=2)
    await commit(database, lambda unit: rights.save(read, unit, read=None))
    await commit(database, lambda unit: rights.save(blocked, unit, read=read))

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await commit(database, lambda unit: rights.save(read, unit, read=None if absent else read))

    assert classify(raced.value) is Failure.CONFLICT
    assert await rights.of_record(read.record) == [blocked]


async def test_traces_wait_for_the_log(traces: TraceStore, database: Database):
    """F57: the oldest trace tells since when the log is behind; what is logged is forgotten, even twice."""
    assert await traces.oldest() is None
    await commit(database, lambda unit: traces.add("a" * 32, SINCE, unit))
    await commit(database, lambda unit: traces.add("b" * 32, SINCE + timedelta(seconds=1), unit))

    assert await traces.oldest() == SINCE
    for _ in range(2):
        await commit(database, lambda unit: traces.remove(["a" * 32], unit))
    assert await traces.oldest() == SINCE + timedelta(seconds=1)
    await commit(database, lambda unit: traces.remove([], unit))


async def test_traces_wait_for_their_messages(traces: TraceStore, database: Database):
    """F57: what was kept alone is pending until the commit that sends it, once, and is watched from the first."""
    one, two = Pending("c" * 32, SINCE, b"{}"), Pending("d" * 32, SINCE + timedelta(seconds=1), b"{}")
    await commit(database, lambda unit: traces.add("a" * 32, SINCE, unit))
    await traces.keep([two, one])

    assert await traces.oldest() == SINCE
    assert await traces.pending(SINCE + timedelta(seconds=2), 9) == [one, two]
    assert await traces.pending(SINCE + timedelta(seconds=2), 1) == [one]
    assert await traces.pending(SINCE + timedelta(seconds=1), 9) == [one]
    await commit(database, lambda unit: traces.sent([one.id], unit))
    assert await traces.pending(SINCE + timedelta(seconds=2), 9) == [two]

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await commit(database, lambda unit: traces.sent([one.id, two.id], unit))
    assert classify(raced.value) is Failure.CONFLICT
    await commit(database, lambda unit: traces.remove(["a" * 32, one.id], unit))
    assert await traces.oldest() == two.at


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
