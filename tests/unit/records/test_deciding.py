"""What a person decides: oppose, activate, ask for another code."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.records.domain.account import AccountState
from services.records.domain.notice import Aim, Outcome
from services.records.domain.opposition import Effect, Opposition, Way
from services.records.handlers.desk import Refused
from shared.contracts.records import (
    AccountOpenedV1,
    AccountOpposedV1,
)
from tests.unit.records.office import LAST_DAY, POSTED, START, Office, at, wrong_code

AFTER = LAST_DAY + timedelta(days=1)


@pytest.fixture
def office() -> Office:
    """Give a service with nobody registered."""
    return Office()


class TestOpposition:
    """Oppositions online, by phone and by post."""

    async def test_online(self, office: Office):
        """Code and INS oppose; the attestation says channel, actor and time; no record will open (F11)."""
        record = await office.notified()

        made = await office.oppose(office.code(record))

        assert isinstance(made, Opposition)
        assert (made.way, made.actor, made.at, made.effect) == ("online", "holder", office.clock.now(), "opposed")
        assert office.state(record) is AccountState.OPPOSED
        office.clock.instant = at(AFTER)
        await office.open_due()
        assert office.state(record) is AccountState.OPPOSED
        assert not office.published(AccountOpenedV1)
        (told,) = office.published(AccountOpposedV1)
        assert (told.subject, told.data.channel, told.data.version) == (record, "online", 4)

    async def test_the_same_twice(self, office: Office):
        """The same opposition again, at once or after six weeks, gets the same attestation and does nothing."""
        code = office.code(await office.notified())

        first = await office.oppose(code)
        office.clock.instant = at(date(2023, 1, 1))

        assert await office.oppose(code) == first
        assert len(office.published(AccountOpposedV1)) == len(office.oppositions.rows) == 1

    async def test_to_the_millisecond(self, office: Office):
        """What is attested is a moment as the database keeps it, so that a repeated answer is the same."""
        record = await office.notified()
        office.clock.instant += timedelta(microseconds=123_456)

        made = await office.oppose(office.code(record))

        assert isinstance(made, Opposition)
        assert made.at.microsecond == 123_000

    async def test_before_the_sending_is_known(self, office: Office):
        """Who opposes before the report of the sending is opposed, and the report changes nothing of it."""
        record = await office.register()
        await office.reach()

        await office.oppose(office.code(record))
        await office.report_sent(office.notice(record))
        office.clock.instant = at(AFTER)
        await office.open_due()

        assert office.state(record) is AccountState.OPPOSED
        assert office.notice(record).sent is not None

    async def test_the_last_second(self, office: Office):
        """On the deadline day until midnight in Paris it is accepted, the day after it is refused (F08)."""
        alice, bob = await office.notified(), await office.notified("bob")
        office.clock.instant = datetime(2022, 2, 25, 22, 59, 59, tzinfo=UTC)
        assert isinstance(await office.oppose(office.code(alice)), Opposition)

        office.clock.instant += timedelta(seconds=1)
        assert await office.oppose(office.code(bob), "index of bob") == Refused("opposition-too-late")
        assert office.state(bob) is AccountState.NOTIFIED

    @pytest.mark.parametrize("way", [Way.PHONE, Way.POST])
    async def test_by_an_agent(self, office: Office, way: Way):
        """A phone agent or a clerk opposes for a person; channel, actor and day are kept (F11)."""
        record = await office.notified()

        made = await office.oppose_for(POSTED, way)

        assert isinstance(made, Opposition)
        assert (made.way, made.actor, made.dated) == (way, "agent-7", POSTED)
        assert office.state(record) is AccountState.OPPOSED
        assert await office.oppose_for(POSTED, way) == made

    async def test_in_time_but_late(self, office: Office):
        """A letter dated in time that arrives after the opening undoes it; one dated later does not (F11)."""
        alice, bob = await office.notified(), await office.notified("bob")
        office.clock.instant = at(AFTER)
        await office.open_due()

        assert isinstance(await office.oppose_for(LAST_DAY), Opposition)
        assert await office.oppose_for(AFTER, index="index of bob") == Refused("opposition-too-late")

        assert (office.state(alice), office.state(bob)) == (AccountState.OPPOSED, AccountState.OPEN)

    async def test_dated_tomorrow(self, office: Office):
        """An agent cannot date an opposition in the future."""
        await office.notified()

        assert await office.oppose_for(POSTED + timedelta(days=1)) == Refused("date-future")

    async def test_of_nobody(self, office: Office):
        """An agent is told that nobody is registered under a number."""
        assert await office.oppose_for(POSTED) == Refused("person-unknown")

    async def test_of_a_legacy_dmp(self, office: Office):
        """A first opposition leaves a legacy DMP open and is attested once (F04)."""
        record = await office.register(dmp_created_on=date(2015, 3, 2))

        made = await office.oppose_for(START.date())

        assert isinstance(made, Opposition)
        assert made.effect is Effect.DMP_KEPT
        assert await office.oppose_for(START.date()) == made
        assert office.state(record) is AccountState.OPEN
        assert not office.published(AccountOpposedV1)


class TestCodes:
    """Codes: unknown, used, expired, replaced, tried too often."""

    async def test_wrong_code_and_wrong_person_look_alike(self, office: Office):
        """A wrong code and an unknown INS get the same answer and leave the same trace (F07)."""
        await office.notified()
        bob = await office.notified("bob")

        answers = [
            await office.oppose(wrong_code()),
            await office.oppose(wrong_code(), "index of nobody"),
            await office.oppose(office.code(bob)),
        ]

        assert answers == [Refused("code-unknown")] * 3
        assert [len(each.failed) for each in office.tries.rows.values()] == [2, 1]

    async def test_expired(self, office: Office):
        """Six weeks after its notice a code is refused as expired (F07)."""
        code = office.code(await office.notified())
        office.clock.instant = at(POSTED + timedelta(days=43))

        assert await office.oppose(code) == Refused("code-expired")
        assert await office.activate(code) == Refused("code-expired")

    async def test_used(self, office: Office):
        """A code that opposed does not activate, nor the other way round (F07)."""
        alice, bob = await office.notified(), await office.notified("bob")
        await office.oppose(office.code(alice))
        await office.activate(office.code(bob), "index of bob")

        assert await office.activate(office.code(alice)) == Refused("code-already-used")
        assert await office.oppose(office.code(bob), "index of bob") == Refused("code-already-used")

    async def test_another_one_replaces_it(self, office: Office):
        """A new code invalidates the one before, moves no deadline, and works (F07)."""
        record = await office.notified()
        before = office.code(record)

        assert await office.ask_code() is None
        after = office.code(record)
        await office.report_sent(office.notice(record, Aim.CODE), "email", date(2022, 1, 20))

        assert office.notice(record).deadline == LAST_DAY
        assert await office.oppose(before) == Refused("code-expired")
        assert isinstance(await office.oppose(after), Opposition)
        assert office.notice(record).outcome is Outcome.OPPOSED

    async def test_too_soon(self, office: Office):
        """Codes are asked for at least 30 seconds apart, known or unknown alike (F07)."""
        record = await office.notified()
        for index in ("index of alice", "index of nobody"):
            assert await office.ask_code(index) is None
            office.clock.instant += timedelta(seconds=10)
            assert await office.ask_code(index) == timedelta(seconds=20)
            office.clock.instant += timedelta(seconds=20)
            assert await office.ask_code(index) is None

        assert len([each for each in office.notices.rows.values() if each.record == record]) == 3

    async def test_guessing(self, office: Office):
        """After ten wrong codes the right one is not looked at for a while; nobody's INS behaves alike."""
        record = await office.notified()
        for index in ("index of alice", "index of nobody"):
            for _ in range(10):
                assert await office.oppose(wrong_code(), index) == Refused("code-unknown")
            refused = await office.oppose(office.code(record), index)
            assert refused == Refused("too-many-tries", timedelta(minutes=15))

        office.clock.instant += timedelta(minutes=15)
        assert isinstance(await office.oppose(office.code(record)), Opposition)


class TestActivation:
    """Early activation, activation of an open record, and a change of mind."""

    async def test_before_the_deadline(self, office: Office):
        """A code opens the record at once and calls the deadline off (F10)."""
        record = await office.notified()
        code = office.code(record)

        first = await office.activate(code)
        assert office.state(record) is AccountState.ACTIVATED
        office.clock.instant = at(AFTER)
        await office.open_due()

        assert [each.data.cause for each in office.published(AccountOpenedV1)] == ["activation"]
        assert len(office.by_insurer) == 1
        assert await office.activate(code) == first

    async def test_of_an_open_record(self, office: Office):
        """Activating what the deadline opened opens nothing a second time."""
        record = await office.notified()
        office.clock.instant = at(LAST_DAY + timedelta(days=1))
        await office.open_due()

        await office.activate(office.code(record))

        assert office.state(record) is AccountState.ACTIVATED
        assert len(office.published(AccountOpenedV1)) == len(office.by_insurer) == 1

    async def test_after_an_opposition(self, office: Office):
        """Who opposed may ask for a code and open the record after all (F12)."""
        record = await office.notified()
        await office.oppose(office.code(record))
        await office.ask_code()

        await office.activate(office.code(record))

        assert office.state(record) is AccountState.ACTIVATED
        assert [each.data.cause for each in office.published(AccountOpenedV1)] == ["reopening"]

    async def test_an_opposition_undone_is_not_repeated(self, office: Office):
        """A used code of an opposition that stands no more answers that it was used."""
        record = await office.notified()
        code = office.code(record)
        await office.oppose(code)
        await office.ask_code()
        await office.activate(office.code(record))

        assert await office.oppose(code) == Refused("code-already-used")
