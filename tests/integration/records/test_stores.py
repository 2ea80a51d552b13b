"""One suite for records' stores, in memory and in MongoDB; then what only the real ones can show."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_lines import MongoLines
from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.lines import Line
from services.records.ports import AccountStore, LineStore
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit
from tests.fakes.records import InMemoryAccounts, InMemoryLines

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]

SINCE = datetime(2026, 11, 15, 12, tzinfo=UTC)
TOLD = Registration(1, "cpam-44", "e1", "RG", "44", date(2015, 3, 2), ins_key_valid=True, box=b"\x01shut")


@pytest.fixture(params=["memory", "mongo"])
async def accounts(request: pytest.FixtureRequest, database: Database) -> AccountStore:
    """Give each account store in turn, empty."""
    if request.param == "memory":
        return InMemoryAccounts()
    store = MongoAccounts(database)
    await store.prepare()
    return store


@pytest.fixture(params=["memory", "mongo"])
async def lines(request: pytest.FixtureRequest, database: Database) -> LineStore:
    """Give each line store in turn, empty."""
    if request.param == "memory":
        return InMemoryLines()
    store = MongoLines(database)
    await store.prepare()
    return store


def account(state: AccountState = AccountState.OPEN) -> Account:
    """Return an account that no test has met."""
    return Account(uuid4().hex, state, Cause.LEGACY_DMP, SINCE, 2, TOLD)


def line(record: str, month: str = "2026-10", reverses: str | None = None) -> Line:
    """Return a line that no test has met."""
    return Line(uuid4().hex, record, month, "cpam-44", reverses, "e1", b"\x01shut")


async def begin(session: AsyncClientSession) -> None:
    """Begin a transaction as the inbox does."""
    await session.start_transaction(
        read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True)
    )


async def commit(unit: Unit, database: Database) -> None:
    """Apply a unit's effects in one transaction; a store in memory takes no notice of it."""
    async with database.client.start_session() as session:
        await begin(session)
        for effect in unit.effects:
            await effect(session)
        await session.commit_transaction()


async def save(store: AccountStore, database: Database, *changed: Account, read: tuple[Account, ...] = ()) -> None:
    """Save accounts in a transaction of their own."""
    unit = Unit()
    store.save(changed, unit, read={each.record: each for each in read})
    await commit(unit, database)


async def add(store: LineStore, database: Database, *new: Line) -> None:
    """Add lines in a transaction of their own."""
    unit = Unit()
    store.add(new, unit)
    await commit(unit, database)


async def test_an_account_as_it_was_saved(accounts: AccountStore, database: Database):
    """What is found is what was saved, to the last field; who has no account is absent."""
    one = account()
    two = replace(account(), registration=replace(TOLD, dmp_created_on=None))
    await save(accounts, database, one, two)

    found = await accounts.find({one.record, two.record, uuid4().hex})

    assert found == {one.record: one, two.record: two}


async def test_states(accounts: AccountStore, database: Database):
    """The states of a batch's accounts are told without the accounts."""
    one, two = account(), account(AccountState.OPPOSED)
    await save(accounts, database, one, two)

    found = await accounts.states({one.record, two.record, uuid4().hex})

    assert found == {one.record: AccountState.OPEN, two.record: AccountState.OPPOSED}


async def test_nothing_asked_and_nothing_saved(accounts: AccountStore, database: Database):
    """An empty batch is no error."""
    await save(accounts, database)

    assert not await accounts.find([])
    assert not await accounts.states([])


async def test_new_and_changed_accounts(accounts: AccountStore, database: Database):
    """One commit creates some accounts and changes others."""
    old, new = account(AccountState.NOT_ELIGIBLE), account()
    await save(accounts, database, old)
    changed = replace(old, state=AccountState.ELIGIBLE, version=3)

    await save(accounts, database, changed, new, read=(old,))

    assert await accounts.find({old.record, new.record}) == {old.record: changed, new.record: new}


@pytest.mark.parametrize(
    "meanwhile", [{"version": 3, "state": AccountState.CLOSED}, {"registration": replace(TOLD, event="e2")}]
)
async def test_an_account_changed_meanwhile(accounts: AccountStore, database: Database, meanwhile: dict[str, Any]):
    """A state or a registration that changed since it was read stops the whole commit (rule 10)."""
    read, bystander = account(), account()
    await save(accounts, database, read)
    winner = replace(read, **meanwhile)
    await save(accounts, database, winner, read=(read,))

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await save(accounts, database, bystander, replace(read, version=9), read=(read,))

    assert classify(raced.value) is Failure.CONFLICT
    assert await accounts.find({read.record, bystander.record}) == {read.record: winner}


async def test_an_account_created_meanwhile(accounts: AccountStore, database: Database):
    """An account that was absent when read and is there at the commit stops it."""
    winner = account()
    await save(accounts, database, winner)

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await save(accounts, database, replace(winner, version=9))

    assert classify(raced.value) is Failure.CONFLICT
    assert await accounts.find({winner.record}) == {winner.record: winner}


async def test_count_by_state(accounts: AccountStore, database: Database):
    """Accounts are counted by state; a state without any is absent."""
    await save(accounts, database, account(), account(), account(AccountState.NOT_ELIGIBLE))

    assert await accounts.count_by_state() == {AccountState.OPEN: 2, AccountState.NOT_ELIGIBLE: 1}


async def test_lines_as_they_were_added(lines: LineStore, database: Database):
    """A record's lines come back by month, reversals too, from the month asked for."""
    record = uuid4().hex
    late, early, old = line(record, "2026-10"), line(record, "2026-08"), line(record, "2026-07")
    await add(lines, database, late, old, early, line(uuid4().hex))
    reversal = line(record, "2026-11", reverses=late.id)
    await add(lines, database, reversal)

    assert await lines.of_record(record, since="2026-08") == [early, late, reversal]


async def test_known_lines(lines: LineStore, database: Database):
    """Of the ids asked for, those that are stored are known."""
    stored = line(uuid4().hex)
    await add(lines, database, stored)
    await add(lines, database)

    assert await lines.known({stored.id, uuid4().hex}) == {stored.id}
    assert await lines.known(set()) == set()


async def test_a_line_added_meanwhile(lines: LineStore, database: Database):
    """A line that came first stops the whole commit and stays as it was (rule 9)."""
    first, bystander = line(uuid4().hex), line(uuid4().hex)
    await add(lines, database, first)

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await add(lines, database, bystander, replace(first, month="2020-01"))

    assert classify(raced.value) is Failure.CONFLICT
    assert await lines.known({bystander.id}) == set()
    assert await lines.of_record(first.record, since="2020-01") == [first]


async def test_count_lines(lines: LineStore, database: Database):
    """Lines are counted, reversals included."""
    stored = line(uuid4().hex)
    await add(lines, database, stored, line(stored.record, reverses=stored.id))

    assert await lines.count() == 2


async def test_two_transactions_at_once(database: Database):
    """Of two transactions that change one account at the same moment one is told to start again."""
    store, old = MongoAccounts(database), account(AccountState.NOT_ELIGIBLE)
    await save(store, database, old)
    unit = Unit()
    store.save([replace(old, version=3)], unit, read={old.record: old})

    async with database.client.start_session() as one, database.client.start_session() as two:
        await begin(one)
        await begin(two)
        await unit.effects[0](one)
        with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
            await unit.effects[0](two)
        await one.commit_transaction()

    assert classify(raced.value) is Failure.CONFLICT


async def test_counting_reads_no_account(database: Database):
    """Counting by state is answered from the index: it costs no account, however many boxes they hold."""
    store = MongoAccounts(database)
    await store.prepare()
    await save(store, database, account(), account())
    await database.command("profile", 2)

    await store.count_by_state()

    await database.command("profile", 0)
    (seen,) = await database["system.profile"].find({"command.aggregate": "accounts"}).to_list()
    assert (seen["docsExamined"], seen["keysExamined"] > 0) == (0, True)


async def test_lines_are_found_by_record_and_month(database: Database):
    """A record's lines are found by the index: other people's lines cost its reader nothing."""
    store, mine = MongoLines(database), line(uuid4().hex)
    await store.prepare()
    await add(store, database, mine, *(line(uuid4().hex) for _ in range(20)))
    await database.command("profile", 2)

    await store.of_record(mine.record, since="2024-11")

    await database.command("profile", 0)
    (seen,) = await database["system.profile"].find({"command.find": "lines"}).to_list()
    assert seen["docsExamined"] == 1
