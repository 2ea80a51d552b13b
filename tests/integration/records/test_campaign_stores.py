"""One suite for the stores of the opt-out, in memory and in MongoDB."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_notices import MongoNotices
from services.records.adapters.mongo_oppositions import MongoOppositions
from services.records.adapters.mongo_tries import MongoTries
from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.campaign import FRANCE, Territory
from services.records.domain.codes import Code, Purpose, Use
from services.records.domain.delay import Policy
from services.records.domain.notice import (
    Aim,
    Notice,
    NoticeState,
    Outcome,
    end,
    note_return,
    note_sending,
    put_off,
    use_code,
)
from services.records.domain.opposition import Effect, Opposition, Way
from services.records.domain.tries import Tries, asked, failed
from services.records.ports import AccountStore, NoticeStore, OppositionStore, TryStore
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit
from tests.fakes.records import InMemoryAccounts, InMemoryNotices, InMemoryOppositions, InMemoryTries

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]

THEN = datetime(2022, 1, 15, 12, tzinfo=UTC)
DAY = THEN.date()


def _stores(database: Database, kind: str) -> tuple[AccountStore, NoticeStore, OppositionStore, TryStore]:
    if kind == "memory":
        return InMemoryAccounts(), InMemoryNotices(), InMemoryOppositions(), InMemoryTries()
    return MongoAccounts(database), MongoNotices(database), MongoOppositions(database), MongoTries(database)


@pytest.fixture(params=["memory", "mongo"])
async def stores(
    request: pytest.FixtureRequest, database: Database
) -> tuple[AccountStore, NoticeStore, OppositionStore, TryStore]:
    """Give each set of stores in turn, empty."""
    made = _stores(database, request.param)
    for store in made:
        if hasattr(store, "prepare"):
            await store.prepare()
    return made


async def commit(unit: Unit, database: Database) -> None:
    """Apply a unit's effects in one transaction; a store in memory takes no notice of it."""
    async with database.client.start_session() as session, await session.start_transaction():
        for effect in unit.effects:
            await effect(session)


def notice(record: str | None = None, requested_at: datetime = THEN) -> Notice:
    """Return a notice that no test has met."""
    return Notice(uuid4().hex, record or uuid4().hex, Aim.OPENING, requested_at, Code(1, b"\x01hash"))


def sent(known: Notice, on: date = DAY) -> Notice:
    """Return a notice that was posted."""
    return note_sending(known, "post", on, Policy.SEED)


async def save(store: NoticeStore, database: Database, *notices: Notice, read: tuple[Notice, ...] = ()) -> None:
    """Save notices in a transaction of their own."""
    unit = Unit()
    store.save(notices, unit, read={each.id: each for each in read})
    await commit(unit, database)


Stores = tuple[AccountStore, NoticeStore, OppositionStore, TryStore]


async def test_a_notice_comes_back_whole(stores: Stores, database: Database):
    """Whatever a notice holds is read as it was written."""
    notices = stores[1]
    fresh = notice()
    returned = note_return(sent(notice()), "post", "unclaimed")
    used = end(use_code(sent(notice()), Use(THEN, Purpose.OPPOSITION, "proof")), Outcome.OPPOSED)

    await save(notices, database, fresh, returned, used)

    names = {each.id for each in (fresh, returned, used)}
    assert await notices.find([*names, uuid4().hex]) == {each.id: each for each in (fresh, returned, used)}


async def test_the_notices_of_a_person(stores: Stores, database: Database):
    """A person's notices come in the order in which they were asked for, and nobody else's."""
    notices, record = stores[1], uuid4().hex
    later, earlier = notice(record, THEN + timedelta(days=1)), notice(record)
    await save(notices, database, later, earlier, notice())

    assert await notices.of_records({record}) == [earlier, later]


async def test_who_is_due(stores: Stores, database: Database):
    """Due is what ran out before today, earliest first, neither ended nor returned."""
    notices = stores[1]
    first, second = sent(notice(), date(2022, 1, 1)), sent(notice(), date(2022, 1, 10))
    today = sent(notice(), date(2022, 1, 15))
    ended = end(sent(notice(), date(2022, 1, 1)), Outcome.OPPOSED)
    returned = note_return(sent(notice(), date(2022, 1, 1)), "post", "unclaimed")
    await save(notices, database, today, second, first, ended, returned, notice())

    assert await notices.due(date(2022, 2, 25), THEN, 10) == [first.id, second.id]
    assert await notices.due(date(2022, 2, 25), THEN, 1) == [first.id]
    assert await notices.due(date(2022, 2, 26), THEN, 10) == [first.id, second.id, today.id]


async def test_what_failed_is_due_again_at_its_time(stores: Stores, database: Database):
    """An opening that failed is due once its time to be tried again has come, and counted until then (F18)."""
    notices, over = stores[1], sent(notice(), date(2022, 1, 1))
    failed_once = put_off(over, THEN)
    await save(notices, database, failed_once, sent(notice(), date(2022, 1, 15)))
    assert failed_once.failing is not None

    assert (await notices.find({over.id}))[over.id] == failed_once
    assert await notices.due(date(2022, 2, 25), failed_once.failing.retry_at - timedelta(seconds=1), 10) == []
    assert await notices.due(date(2022, 2, 25), failed_once.failing.retry_at, 10) == [over.id]
    assert await notices.count_failing() == 1


async def test_two_changes_of_one_notice(stores: Stores, database: Database):
    """Of two changes that read the same notice one is refused."""
    notices, known = stores[1], sent(notice())
    await save(notices, database, known)
    await save(notices, database, end(known, Outcome.OPPOSED), read=(known,))

    with pytest.raises(RacedError):
        await save(notices, database, end(known, Outcome.OPENED), read=(known,))
    assert (await notices.find({known.id}))[known.id].outcome is Outcome.OPPOSED


async def test_the_counts(stores: Stores, database: Database):
    """Notices are counted by state, those that came back by motive, delays by their last day."""
    notices = stores[1]
    back = note_return(sent(notice()), "post", "refused")
    await save(notices, database, sent(notice()), sent(notice()), back, notice())

    assert await notices.count_by_state() == {
        NoticeState.RUNNING: 2,
        NoticeState.RETURNED: 1,
        NoticeState.REQUESTED: 1,
    }
    assert await notices.count_returned() == {"refused": 1}
    assert await notices.count_running() == {date(2022, 2, 25): 2}


async def test_whom_the_campaign_has_not_reached(stores: Stores, database: Database):
    """Only people of the territory are found, and only those who were not reached."""
    accounts = stores[0]
    places = [("44", "RG"), ("35", "RG"), ("44", "OTHER"), ("80", "MSA")]
    rows = [
        Account(uuid4().hex, AccountState.NOT_ELIGIBLE, Cause.REGISTRATION, THEN, 1, told(department, regime))
        for department, regime in places
    ]
    reached = replace(rows[0], record=uuid4().hex, state=AccountState.ELIGIBLE)
    unit = Unit()
    accounts.save([*rows, reached], unit, read={})
    await commit(unit, database)
    pilot = Territory(frozenset({"31", "44", "80"}), frozenset({"RG", "MSA", "MGEN"}))

    assert set(await accounts.unreached(pilot, 10)) == {rows[0].record, rows[3].record}
    assert len(await accounts.unreached(FRANCE, 3)) == 3
    assert (await accounts.find({rows[0].record}))[rows[0].record] == rows[0]


def told(department: str, regime: str) -> Registration:
    """Return a registration."""
    return Registration(
        1, "cpam-44", "e1", regime, department, None, ins_key_valid=True, box=b"shut", origin="/insurers/x|1"
    )


async def test_attestations(stores: Stores, database: Database):
    """An attestation is found by its id, and a person's last one among several."""
    oppositions, record = stores[2], uuid4().hex
    made = [
        Opposition(uuid4().hex, record, Way.POST, "agent-7", DAY, THEN + timedelta(days=day), Effect.OPPOSED, day + 3)
        for day in range(3)
    ]
    for each in made:
        unit = Unit()
        oppositions.add(each, unit)
        await commit(unit, database)

    assert await oppositions.find(made[0].id) == made[0]
    assert await oppositions.latest(record) == made[2]
    assert await oppositions.find(uuid4().hex) is await oppositions.latest(uuid4().hex) is None


async def test_tries(stores: Stores, database: Database):
    """Tries are kept per index, and of two who count at the same time one counts again."""
    tries, index = stores[3], uuid4().hex
    empty = await tries.find(index)
    assert empty == Tries(index)
    once = failed(empty, THEN)
    unit = Unit()
    tries.save(once, unit, read=empty)
    await commit(unit, database)
    assert await tries.find(index) == once

    unit = Unit()
    tries.save(asked(once, THEN), unit, read=once)
    await commit(unit, database)
    with pytest.raises(RacedError):
        await commit(unit, database)
