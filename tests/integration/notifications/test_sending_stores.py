"""One suite for the stores of sending, in memory and in MongoDB: they give the same answers."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.notifications.adapters.mongo_decisions import MongoDecisions, MongoPreferences
from services.notifications.adapters.mongo_lots import MongoLots, MongoSlips
from services.notifications.adapters.mongo_notices import MongoNotices
from services.notifications.domain.decision import Decision, Preference
from services.notifications.domain.lot import Lot, LotState, moved
from services.notifications.domain.notice import Aim, Notice, NoticeState, by_post, placed, sent
from services.notifications.ports import DecisionStore, LotStore, NoticeStore, PreferenceStore, SlipStore
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit
from tests.fakes.notifications import (
    InMemoryDecisions,
    InMemoryLots,
    InMemoryNotices,
    InMemoryPreferences,
    InMemorySlips,
)

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Stores:
    """The stores, and the database that one kind of them is in."""

    notices: NoticeStore
    lots: LotStore
    slips: SlipStore
    decisions: DecisionStore
    preferences: PreferenceStore
    database: Database

    async def commit(self, unit: Unit) -> None:
        """Apply a unit in one transaction; a store in memory takes no notice of it."""
        async with self.database.client.start_session() as session, await session.start_transaction():
            for effect in unit.effects:
                await effect(session)

    async def save(self, *notices: Notice, read: tuple[Notice, ...] = ()) -> None:
        """Save notices in one transaction."""
        unit = Unit()
        self.notices.save(notices, unit, read={each.id: each for each in read})
        await self.commit(unit)

    async def save_lot(self, lot: Lot, read: Lot | None = None) -> None:
        """Save a lot in one transaction."""
        unit = Unit()
        self.lots.save(lot, unit, read=read)
        await self.commit(unit)


@pytest.fixture(params=["memory", "mongo"])
async def stores(request: pytest.FixtureRequest, database: Database) -> Stores:
    """Give each kind of store in turn, empty."""
    if request.param == "memory":
        return Stores(
            InMemoryNotices(),
            InMemoryLots(),
            InMemorySlips(),
            InMemoryDecisions(),
            InMemoryPreferences(),
            database,
        )
    notices, lots = MongoNotices(database), MongoLots(database)
    await notices.prepare()
    await lots.prepare()
    return Stores(notices, lots, MongoSlips(database), MongoDecisions(database), MongoPreferences(database), database)


def notice(minutes: int = 0, **changes: Any) -> Notice:
    """Return a notice that no test has met, due some minutes from noon."""
    return Notice(uuid4().hex, uuid4().hex, b"\x01shut", due=NOW + timedelta(minutes=minutes), **changes)


async def test_a_notice_as_it_was_saved(stores: Stores):
    """What is found is what was saved, at every stage of its life."""
    new = notice()
    posted = sent(placed(notice(), "20261120-00001", 7), "post", date(2026, 11, 20), date(2026, 12, 30))
    await stores.save(new, posted)
    assert await stores.notices.find({new.id, posted.id, "x"}) == {new.id: new, posted.id: posted}


async def test_what_is_due(stores: Stores):
    """Due is what is to be sent by now, by one of the channels asked for, the oldest first."""
    late, early, future = notice(-1), notice(-5), notice(1)
    letter = by_post(notice(-9), "bounced", NOW - timedelta(minutes=9))
    await stores.save(late, early, future, letter, replace(notice(-8), state=NoticeState.HELD))
    assert await stores.notices.due({None}, NOW, 10) == [early, late]
    assert await stores.notices.due({None, "post"}, NOW, 2) == [letter, early]
    assert await stores.notices.due({"email"}, NOW, 10) == []


async def test_a_lots_notices(stores: Stores):
    """What is in a lot comes in its order."""
    first, second = placed(notice(), "20261120-00001", 1), placed(notice(), "20261120-00001", 2)
    await stores.save(second, placed(notice(), "20261120-00002", 1), first)
    assert await stores.notices.of_lot("20261120-00001") == [first, second]


async def test_the_census(stores: Stores):
    """Notices are counted by state and channel."""
    await stores.save(notice(), notice(), placed(notice(), "20261120-00001", 1))
    assert await stores.notices.census() == {("to-send", None): 2, ("in-lot", "post"): 1}


@pytest.mark.parametrize("was_read", [True, False])
async def test_a_notice_changed_meanwhile(stores: Stores, was_read: bool):
    """A notice that changed, or appeared, since it was read stops the whole commit (rule 10)."""
    read, bystander = notice(), notice()
    await stores.save(read)
    winner = by_post(read, "x", NOW)
    await stores.save(winner, read=(read,))

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await stores.save(bystander, placed(read, "20261120-00001", 1), read=(read,) if was_read else ())

    assert classify(raced.value) is Failure.CONFLICT
    assert await stores.notices.find({read.id, bystander.id}) == {read.id: winner}


async def test_lots(stores: Stores):
    """Lots are found by number, the unfinished from the oldest, the newest first."""
    old, new = Lot("20261120-00009", NOW, 3), Lot("20261121-00001", NOW, 5)
    await stores.save_lot(new)
    await stores.save_lot(old)
    assert await stores.lots.unfinished() == [old, new]
    handed = moved(old, LotState.HANDED_OVER, manifest="ab")
    await stores.save_lot(handed, read=old)

    assert await stores.lots.find(old.number) == handed
    assert await stores.lots.find("x") is None
    assert await stores.lots.unfinished() == [new]
    assert await stores.lots.latest(1) == [new]


async def test_purgeable_lots(stores: Stores):
    """Files may go of lots that are old and that the printer has answered for, the oldest first."""
    lots = {}
    for place, state in enumerate(LotState, 1):
        for age, made_at in (("old", NOW - timedelta(seconds=1)), ("new", NOW)):
            lot = replace(Lot(f"20261120-{place:04}{age == 'new':d}", made_at, 3), state=state)
            await stores.save_lot(lot)
            lots[age, state] = lot

    assert await stores.lots.purgeable(NOW, 10) == [lots["old", LotState.ACCEPTED], lots["old", LotState.REJECTED]]
    assert await stores.lots.purgeable(NOW, 1) == [lots["old", LotState.ACCEPTED]]


async def test_a_persons_notices(stores: Stores):
    """A person's notices are found by the record, and nobody else's."""
    mine = notice()
    again = replace(notice(1), record=mine.record, aim=Aim.CODE, last_day=date(2027, 1, 1))
    await stores.save(mine, again, notice())

    assert {each.id: each for each in await stores.notices.of_record(mine.record)} == {mine.id: mine, again.id: again}


@pytest.mark.parametrize("was_read", [True, False])
async def test_decisions(stores: Stores, was_read: bool):
    """A decision is found as it was saved; one that changed since it was read stops the commit."""
    first, later = Decision("a" * 32, 4, "opposed"), Decision("a" * 32, 5, "opened")
    for decision, read in ((first, {}), (later, {first.record: first})):
        unit = Unit()
        stores.decisions.save([decision], unit, read=read)
        await stores.commit(unit)
    assert await stores.decisions.find({first.record, "b"}) == {first.record: later}

    late = Unit()
    stores.decisions.save([replace(first, version=6)], late, read={first.record: first} if was_read else {})
    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await stores.commit(late)
    assert classify(raced.value) is Failure.CONFLICT


async def test_preferences(stores: Stores):
    """A preference is found as it was saved; of two changes that saw the same one, one is refused."""
    first = Preference("a" * 32, by_email=False)
    for preference, read in ((first, None), (replace(first, by_email=True, version=2), first)):
        unit = Unit()
        stores.preferences.save(preference, unit, read=read)
        await stores.commit(unit)
    assert (await stores.preferences.find({first.record}))[first.record].by_email

    late = Unit()
    stores.preferences.save(replace(first, version=2), late, read=first)
    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await stores.commit(late)
    assert classify(raced.value) is Failure.CONFLICT


@pytest.mark.parametrize("was_read", [True, False])
async def test_a_number_taken(stores: Stores, was_read: bool):
    """A number is used once, and a lot that moved on since it was read stops the commit."""
    lot = Lot("20261120-00001", NOW, 3)
    await stores.save_lot(lot)
    await stores.save_lot(moved(lot, LotState.HANDED_OVER), read=lot)
    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await stores.save_lot(moved(lot, LotState.VOID), read=lot if was_read else None)
    assert classify(raced.value) is Failure.CONFLICT


async def test_slips(stores: Stores):
    """A slip is noted once; whoever notes it a second time at the same moment decides again."""
    unit = Unit()
    stores.slips.add("ab", NOW, unit)
    assert not await stores.slips.known("ab")
    await stores.commit(unit)
    assert await stores.slips.known("ab")
    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await stores.commit(unit)
    assert classify(raced.value) is Failure.CONFLICT
