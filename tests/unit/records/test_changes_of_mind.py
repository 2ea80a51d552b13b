"""What follows an opposition: its confirmation against a legacy DMP, and a change of mind."""

from datetime import date, timedelta

import pytest

from services.records.domain.account import Account, AccountState, Cause, transition
from services.records.domain.opposition import Effect, Opposition, Way
from services.records.handlers.activations import reopen_for
from services.records.handlers.desk import Refused
from services.records.handlers.oppositions import confirm, confirm_for
from shared.contracts.records import AccountClosedV1, AccountOpenedV1, AccountOpposedV1
from tests.unit.records.office import CARD_OF_ALICE, START, Office

LEGACY = date(2015, 3, 2)
BOB = "index of bob"


@pytest.fixture
def office() -> Office:
    """Give a service with nobody registered."""
    return Office()


async def confirm_with(office: Office, attestation: str, index: str = CARD_OF_ALICE) -> Opposition | Refused:
    """Confirm an opposition with attestation and INS."""
    return await office.perform(lambda unit: confirm(index, attestation, unit, desk=office.desk))


async def confirm_by_agent(office: Office, dated: date) -> Opposition | Refused:
    """Have an agent confirm for a person by phone."""
    return await office.perform(
        lambda unit: confirm_for(CARD_OF_ALICE, Way.PHONE, dated, "agent-7", unit, desk=office.desk)
    )


async def reopen(office: Office, index: str = CARD_OF_ALICE) -> Account | Refused:
    """Ask an agent to open a record again."""
    return await office.perform(lambda unit: reopen_for(index, unit, desk=office.desk))


async def kept(office: Office, name: str = "alice") -> tuple[str, Opposition]:
    """Register somebody with a legacy DMP who opposes by post; return record and attestation."""
    record = await office.register(name, dmp_created_on=LEGACY)
    made = await office.oppose_for(START.date(), index=f"index of {name}")
    assert isinstance(made, Opposition)
    return record, made


def closed(office: Office) -> list[tuple[str, str, int]]:
    """Return the closures that were told."""
    return [(told.subject, told.data.cause, told.data.version) for told in office.published(AccountClosedV1)]


class TestConfirmation:
    """The second act that closes a legacy DMP."""

    async def test_online(self, office: Office):
        """The attestation confirms: the DMP is closed, told once, and attested again (F04)."""
        record, first = await kept(office)
        office.clock.instant += timedelta(days=90)

        made = await confirm_with(office, first.id)

        assert isinstance(made, Opposition)
        assert (made.effect, made.way, made.actor) == (Effect.DMP_CLOSED, "online", "holder")
        account = office.accounts.rows[record]
        assert (account.state, account.cause) == (AccountState.CLOSED, Cause.CONFIRMED_OPPOSITION)
        assert closed(office) == [(record, "confirmed-opposition", account.version)]
        assert not office.published(AccountOpposedV1)

    async def test_the_same_twice(self, office: Office):
        """The same confirmation again gets the same attestation and closes nothing twice (F04)."""
        _, first = await kept(office)

        made = await confirm_with(office, first.id)

        assert await confirm_with(office, first.id) == made
        assert len(closed(office)) == 1

    async def test_by_an_agent(self, office: Office):
        """An agent confirms for a person, dated in the past or today (F04, F11)."""
        record, _ = await kept(office)
        today = office.clock.now().date()
        tomorrow = await confirm_by_agent(office, today + timedelta(days=1))
        made = await confirm_by_agent(office, today)

        assert tomorrow == Refused("date-future")
        assert isinstance(made, Opposition)
        assert (made.way, made.actor) == ("phone", "agent-7")
        assert office.state(record) is AccountState.CLOSED

    async def test_without_a_first_opposition(self, office: Office):
        """Nothing is confirmed that was not said before, and no DMP closes by one act alone (F04)."""
        record = await office.register(dmp_created_on=LEGACY)

        assert await confirm_by_agent(office, START.date()) == Refused("nothing-to-confirm")
        assert office.state(record) is AccountState.OPEN

    async def test_of_a_plain_opposition(self, office: Office):
        """An opposition that left no DMP has nothing to confirm."""
        record = await office.notified()
        made = await office.oppose(office.code(record))
        assert isinstance(made, Opposition)

        assert await confirm_with(office, made.id) == Refused("nothing-to-confirm")


class TestReopening:
    """A record again, at any time."""

    async def test_after_an_opposition(self, office: Office):
        """An agent opens a record again; the insurer is asked for its history; again changes nothing (F12)."""
        record = await office.notified()
        await office.oppose(office.code(record))

        first = await reopen(office)

        assert isinstance(first, Account)
        assert (first.state, first.cause) == (AccountState.OPEN, Cause.REOPENING)
        assert await reopen(office) == first
        assert [told.data.cause for told in office.published(AccountOpenedV1)] == ["reopening"]
        assert [name for name, _ in office.by_insurer] == ["cpam-44"]
        assert office.state(record) is AccountState.OPEN

    async def test_after_a_closure(self, office: Office):
        """Who had a legacy DMP closed may ask for a code and open the record again (F12)."""
        record, first = await kept(office)
        await confirm_with(office, first.id)
        await office.ask_code()

        account = await office.activate(office.code(record))

        assert isinstance(account, Account)
        assert account.state is AccountState.ACTIVATED
        assert [told.data.cause for told in office.published(AccountOpenedV1)] == ["legacy-dmp", "reopening"]

    async def test_not_after_death(self, office: Office):
        """The record of somebody who died is not opened again, nor is a code sent (F16)."""
        record = await office.notified()
        office.accounts.rows[record] = transition(office.accounts.rows[record], Cause.DEATH, office.clock.now())
        before = len(office.notices.rows)

        assert await reopen(office) == Refused("account-transition")
        await office.ask_code()
        assert len(office.notices.rows) == before

    @pytest.mark.parametrize(("index", "code"), [("index of nobody", "person-unknown"), (BOB, "account-transition")])
    async def test_refused(self, office: Office, index: str, code: str):
        """Nobody's record is not opened, nor one that the person never declined."""
        await office.notified("bob")

        assert await reopen(office, index) == Refused(code)
