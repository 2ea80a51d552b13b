"""The opt-out on a real database: who commits first wins, and nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count

import pytest

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_notices import MongoNotices
from services.records.adapters.mongo_oppositions import MongoOppositions
from services.records.adapters.mongo_tries import MongoTries
from services.records.domain.account import AccountState, Registration, register
from services.records.domain.campaign import Campaign, Territory
from services.records.domain.codes import mint
from services.records.domain.delay import Policy
from services.records.domain.notice import NoticeState
from services.records.domain.opposition import Opposition
from services.records.handlers.desk import Desk, Refused
from services.records.handlers.notices import fix_deadlines
from services.records.handlers.oppositions import oppose
from services.records.jobs import open_records, reach_people
from shared.contracts.notifications import NoticeSentV1, NoticeSentV1Data
from shared.contracts.records import AccountOpenedV1, AccountOpposedV1
from shared.messaging.acts import ACTS, Perform, perform
from shared.messaging.books import Books
from shared.messaging.runtime import Runtime
from shared.messaging.unit import Unit
from tests.fakes.records import StoppedClock
from tests.integration.conftest import Installation
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

CODES_KEY = b"\x05" * 32
POSTED = date(2022, 1, 15)
LAST_EVENING = datetime(2022, 2, 25, 20, tzinfo=UTC)
MORNING_AFTER = datetime(2022, 2, 26, 6, tzinfo=UTC)
CAMPAIGN = Campaign(Territory(), date(2021, 7, 1), date(2022, 1, 1))


@dataclass
class Place:
    """A records service on a real database, with a clock that stands."""

    runtime: Runtime
    desk: Desk
    clock: StoppedClock

    async def people(self, number: int) -> list[str]:
        """Register people and send their notices on 15 January 2022; return the blind indexes."""
        names = [f"index {each}" for each in range(number)]
        records = await self.desk.vault.ensure_subjects(names)
        said = Registration(1, "cpam-44", "e1", "RG", "44", None, ins_key_valid=True, box=b"shut", origin="/i|1")
        unit = Unit()
        self.desk.accounts.save(
            [register(None, record, said, self.clock.now()) for record in records.values()], unit, read={}
        )
        await self.do(unit)
        await reach_people(self.perform, desk=self.desk, campaign=CAMPAIGN, limit=number)
        notices = await self.desk.notices.of_records(set(records.values()))
        for at in range(0, number, 20):
            unit = Unit()
            events = [
                NoticeSentV1.new(
                    source="/notifications",
                    time=self.clock.now(),
                    subject=notice.record,
                    data=NoticeSentV1Data(notice_id=notice.id, channel="post", sent_on=POSTED),
                )
                for notice in notices[at : at + 20]
            ]
            accounts, notices_ = self.desk.accounts, self.desk.notices
            await fix_deadlines(events, unit, accounts=accounts, notices=notices_, policy=Policy.SEED, clock=self.clock)
            await self.do(unit)
        return names

    async def do(self, unit: Unit) -> None:
        """Commit what was written down."""

        async def work(mine: Unit) -> None:
            mine.effects, mine.emitted = unit.effects, unit.emitted

        await perform(self.runtime, work)

    @property
    def perform(self) -> Perform:
        """How jobs and requests act."""
        return partial(perform, self.runtime)

    async def code(self, index: str) -> str:
        """Return the code of a person's letter."""
        record = (await self.desk.vault.find_subjects({index}))[index]
        (notice,) = await self.desk.notices.of_records({record})
        return mint(CODES_KEY, record, notice.id, 1)

    async def oppose(self, index: str, code: str) -> Opposition | Refused:
        """Oppose online."""
        return await self.perform(lambda unit: oppose(index, code, unit, desk=self.desk))

    async def emitted(self) -> dict[str, int]:
        """Return what the acts published, by type."""
        told: dict[str, int] = (await Books(self.runtime).flows())[ACTS]["emitted"]["events"]
        return told


@pytest.fixture
async def place(installation: Installation) -> AsyncIterator[Place]:
    """Give a service of its own."""
    async with runtime_of(installation) as runtime:
        database = runtime.database
        accounts, notices = MongoAccounts(database), MongoNotices(database)
        oppositions, tries = MongoOppositions(database), MongoTries(database)
        for store in (accounts, notices, oppositions, tries):
            await store.prepare()
        clock = StoppedClock(datetime(2022, 1, 10, 12, tzinfo=UTC))
        desk = Desk(accounts, notices, oppositions, tries, runtime.vault, CODES_KEY, clock)
        yield Place(runtime, desk, clock)


async def test_the_job_twice_at_once(place: Place):
    """Two deadline jobs at the same time open every record once (F09)."""
    await place.people(60)
    place.clock.instant = MORNING_AFTER

    await asyncio.gather(*(open_records(place.perform, desk=place.desk) for _ in range(2)))

    assert await place.desk.accounts.count_by_state() == {AccountState.OPEN: 60}
    assert await place.desk.notices.count_by_state() == {NoticeState.ENDED: 60}
    assert (await place.emitted())[AccountOpenedV1.TYPE] == 60


async def test_opposition_against_opening(place: Place):
    """Whoever commits first wins: each account is opposed or open, told once, and the person got the true answer."""
    names = await place.people(40)
    codes = [await place.code(name) for name in names]
    instants = count()

    class Midnight(StoppedClock):
        """A clock that is before and after midnight in turns: every request is in time and every opening too."""

        def now(self) -> datetime:
            return MORNING_AFTER if next(instants) % 2 else LAST_EVENING

    place.desk = replace(place.desk, clock=Midnight())
    opening = [asyncio.create_task(_keep_opening(place)) for _ in range(2)]
    answers = await asyncio.gather(*(place.oppose(*pair) for pair in zip(names, codes, strict=True)))
    await asyncio.wait(opening)

    opposed = [answer for answer in answers if isinstance(answer, Opposition)]
    states = await place.desk.accounts.count_by_state()
    told = await place.emitted()
    assert {answer.code for answer in answers if isinstance(answer, Refused)} <= {"opposition-too-late"}
    assert states.get(AccountState.OPPOSED, 0) == len(opposed) == told.get(AccountOpposedV1.TYPE, 0)
    assert sum(states.values()) == 40
    assert len({answer.id for answer in opposed}) == len(opposed)


async def _keep_opening(place: Place) -> None:
    for _ in range(6):
        await open_records(place.perform, desk=place.desk)
        await asyncio.sleep(0.02)


async def test_the_same_opposition_many_times_at_once(place: Place):
    """The same request ten times at once makes one opposition, and every answer names it (F11)."""
    (name,) = await place.people(1)
    code = await place.code(name)

    answers = await asyncio.gather(*(place.oppose(name, code) for _ in range(10)))

    assert len({answer.id for answer in answers if isinstance(answer, Opposition)}) == 1
    assert not [answer for answer in answers if isinstance(answer, Refused)]
    assert (await place.emitted())[AccountOpposedV1.TYPE] == 1


async def test_guesses_at_once_are_all_counted(place: Place):
    """Guesses made at the same time count each: the limit cannot be passed by haste."""
    (name,) = await place.people(1)

    for _ in range(5):
        await asyncio.gather(*(place.oppose(name, "WRONG") for _ in range(3)), return_exceptions=True)

    assert len((await place.desk.tries.find(name)).failed) == 10
    place.clock.instant += timedelta(minutes=5)
    assert isinstance(await place.oppose(name, await place.code(name)), Refused)
