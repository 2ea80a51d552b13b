"""What time does: the campaign reaches people, delays run, records open."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.records.domain.account import AccountState
from services.records.domain.campaign import Campaign
from services.records.domain.delay import Policy
from services.records.domain.notice import Aim, NoticeState, Outcome
from shared.contracts.records import (
    AccountOpenedV1,
    HistoryRequestedV1,
    NoticeRequestedV1,
)
from shared.messaging.unit import Outcome as Ended
from shared.messaging.unit import State
from tests.unit.records.office import CAMPAIGN, LAST_DAY, POSTED, START, Office, at

AFTER = LAST_DAY + timedelta(days=1)


@pytest.fixture
def office() -> Office:
    """Give a service with nobody registered."""
    return Office()


class TestCampaign:
    """Whom the campaign job reaches."""

    async def test_pilot_and_national(self, office: Office):
        """The pilot reaches its departments and regimes; the national phase everybody else, from midnight on (F01)."""
        office.clock.instant = datetime(2021, 12, 31, 22, 59, tzinfo=UTC)
        here = await office.register("alice")
        there = await office.register("bob", department="35")
        other = await office.register("carol", regime="OTHER")

        await office.reach()
        assert [office.state(record) for record in (here, there, other)] == ["eligible", "not-eligible", "not-eligible"]

        office.clock.instant += timedelta(minutes=1)
        await office.reach()
        assert {office.state(record) for record in (here, there, other)} == {AccountState.ELIGIBLE}
        assert len(office.published(NoticeRequestedV1)) == 3

    async def test_once_each(self, office: Office):
        """The job run again asks for no second notice, and a legacy DMP gets none."""
        await office.register("alice")
        await office.register("old", dmp_created_on=date(2015, 3, 2))

        await office.reach()
        await office.reach()

        assert len(office.published(NoticeRequestedV1)) == len(office.notices.rows) == 1

    async def test_a_round_has_a_limit(self, office: Office):
        """A round asks for so many notices and no more; the next one goes on."""
        for number in range(50):
            await office.register(f"p{number}")

        await office.reach(limit=30)
        assert len(office.notices.rows) == 30
        await office.reach(limit=30)
        assert len(office.notices.rows) == 50

    async def test_a_moved_date_takes_nothing_back(self, office: Office):
        """Moving the national phase into the future changes nothing for those who were reached (F82)."""
        record = await office.register("alice", department="35")
        await office.reach()
        later = Campaign(CAMPAIGN.pilot, CAMPAIGN.pilot_from, date(2030, 1, 1))

        await office.reach(campaign=later)

        assert office.state(record) is AccountState.ELIGIBLE

    async def test_the_code_is_nowhere_in_clear(self, office: Office):
        """The code travels sealed and is kept as a hash (F07)."""
        record = await office.register()
        await office.reach()
        code = office.code(record)

        assert code not in office.told[-1].to_json().decode()
        assert code not in repr(office.notices.rows)


class TestDeadline:
    """The delay, fixed at the sending, and what happens when it is over."""

    @pytest.mark.parametrize(
        ("policy", "last_day"), [(Policy.SEED, date(2022, 2, 25)), (Policy.DECREE, date(2022, 2, 26))]
    )
    async def test_fixed_at_the_sending(self, office: Office, policy: Policy, last_day: date):
        """The report of the sending fixes the deadline by the policy and makes the account notified (F08)."""
        record = await office.register()
        await office.reach()

        await office.report_sent(office.notice(record), policy=policy)

        assert office.state(record) is AccountState.NOTIFIED
        assert office.notice(record).deadline == last_day

    async def test_another_policy_later_changes_nothing(self, office: Office):
        """A deadline is never computed again, not even when the report comes twice under another policy (F08)."""
        record = await office.notified()

        unit, event = await office.report_sent(office.notice(record), policy=Policy.DECREE, on=POSTED)

        assert office.notice(record).deadline == LAST_DAY
        assert unit.outcome_of(event) == Ended(State.IGNORED, "notice-reported")

    async def test_an_unknown_notice_waits(self, office: Office):
        """A report of a notice that nobody asked for, or of another person's, is held for an operator."""
        record = await office.notified()
        other = await office.notified("bob")
        unit, event = await office.report_sent(
            office.notice(record).__class__("0" * 32, record, Aim.OPENING, START, office.notice(record).code)
        )
        assert unit.outcome_of(event) == Ended(State.WAITING, "notice-unknown")

        swapped = office.notice(record).__class__(
            office.notice(record).id, other, Aim.OPENING, START, office.notice(record).code
        )
        unit, event = await office.report_sent(swapped)
        assert unit.outcome_of(event) == Ended(State.WAITING, "notice-unknown")

    async def test_opens_after_the_last_day(self, office: Office):
        """At 23:59:59 in Paris of the last day nothing opens; a second later the record does (F08, F09)."""
        record = await office.notified()
        office.clock.instant = datetime(2022, 2, 25, 22, 59, 59, tzinfo=UTC)
        await office.open_due()
        assert office.state(record) is AccountState.NOTIFIED

        office.clock.instant += timedelta(seconds=1)
        await office.open_due()

        assert office.state(record) is AccountState.OPEN
        (opened,) = office.published(AccountOpenedV1)
        assert (opened.subject, opened.data.cause, opened.data.version) == (record, "deadline", 4)

    async def test_asks_the_insurer_for_history(self, office: Office):
        """The opening asks the person's insurer, in its own words, for 24 months; no record id leaves (S0)."""
        record = await office.notified()
        office.clock.instant = at(AFTER)
        await office.open_due()

        ((insurer, asked),) = office.by_insurer
        assert isinstance(asked, HistoryRequestedV1)
        assert (insurer, asked.data.registration) == ("cpam-44", "/insurers/cpam-44|alice")
        assert asked.data.from_month == "2020-02"
        assert record not in asked.to_json().decode()

    async def test_the_job_twice(self, office: Office):
        """The deadline job run twice opens once (F09)."""
        for number in range(45):
            await office.notified(f"p{number}")
        office.clock.instant = at(AFTER)

        await office.open_due()
        told = len(office.told)
        await office.open_due()

        assert len(office.published(AccountOpenedV1)) == len(office.by_insurer) == 45
        assert len(office.told) == told

    async def test_a_returned_notice_opens_nothing(self, office: Office):
        """The delay of a notice that did not arrive stands still, and shows; a later letter restarts it."""
        record = await office.register()
        await office.reach()
        await office.report_sent(office.notice(record), "email")
        await office.report_returned(office.notice(record), "email")
        office.clock.instant = at(AFTER)
        await office.open_due()

        assert office.state(record) is AccountState.NOTIFIED
        assert await office.notices.count_returned() == {"unclaimed": 1}

        await office.report_sent(office.notice(record), "post", AFTER)
        assert office.notice(record).deadline == date(2022, 4, 5)
        assert office.notice(record).state is NoticeState.RUNNING

    async def test_opened_otherwise_meanwhile(self, office: Office):
        """A record that a legacy DMP opened meanwhile is not opened again: the delay is moot."""
        record = await office.notified()
        await office.register("alice", version=2, dmp_created_on=date(2015, 3, 2))
        office.clock.instant = at(AFTER)

        await office.open_due()

        assert office.notice(record).outcome is Outcome.MOOT
        assert [each.data.cause for each in office.published(AccountOpenedV1)] == ["legacy-dmp"]
