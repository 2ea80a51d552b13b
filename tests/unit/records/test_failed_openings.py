"""An opening that fails for a technical reason: the person is told, the others do not wait, it is tried again (F18)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.records.domain.account import Account, AccountState
from services.records.domain.notice import RETRIES, Aim, Outcome
from shared.contracts.records import AccountOpenedV1, NoticeRequestedV1
from shared.messaging.failures import FencedError, RacedError
from tests.unit.records.office import LAST_DAY, Office, at


@pytest.fixture
async def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    """Give a service with 25 people whose delay is over; the account of ``cursed`` cannot be written."""
    made = Office()
    names = ["cursed", *(f"p{number}" for number in range(24))]
    records = [await made.notified(name) for name in names]
    made.clock.instant = at(LAST_DAY + timedelta(days=1))
    write = made.accounts._write

    async def failing(accounts: Sequence[Account], read: Any, session: Any) -> None:
        if any(account.record == records[0] for account in accounts) and not made.told_to_work:
            raise ValueError("a fault of a technical kind")
        await write(accounts, read, session)

    made.told_to_work = False
    made.cursed = records[0]
    monkeypatch.setattr(made.accounts, "_write", failing)
    return made


async def test_the_others_open(office: Office):
    """One opening that fails holds up no other, and stays to be done."""
    await office.open_due()

    assert len(office.published(AccountOpenedV1)) == 24
    assert office.state(office.cursed) is AccountState.NOTIFIED
    assert office.notice(office.cursed).outcome is None
    assert await office.notices.count_failing() == 1


async def test_the_person_is_told_once(office: Office):
    """The notice of the failure is asked for at once, and only at the first failure (CSP R1111-28)."""
    await office.open_due()
    for pause in RETRIES:
        office.clock.instant += pause
        await office.open_due()

    told = [each.data.aim for each in office.published(NoticeRequestedV1) if each.subject == office.cursed]
    assert told == ["opening", "opening-failed"]
    failing = office.notice(office.cursed).failing
    assert failing is not None
    assert failing.attempts == 1 + len(RETRIES)
    assert failing.retry_at == office.clock.now() + RETRIES[-1]


async def test_not_before_its_time(office: Office):
    """Between two attempts the job leaves it alone."""
    await office.open_due()
    office.clock.instant += RETRIES[0] - timedelta(seconds=1)
    await office.open_due()

    failing = office.notice(office.cursed).failing
    assert failing is not None
    assert failing.attempts == 1


async def test_it_succeeds_in_the_end(office: Office):
    """Once the fault is gone the record opens, and nothing more is tried."""
    await office.open_due()
    office.told_to_work = True
    office.clock.instant += RETRIES[0]
    await office.open_due()

    assert office.state(office.cursed) is AccountState.OPEN
    assert office.notice(office.cursed).outcome is Outcome.OPENED
    assert await office.notices.count_failing() == 0


async def test_the_code_of_the_failure_notice_activates(office: Office):
    """The notice of a failure brings a code with which the person opens the record at once (F10, F18)."""
    await office.open_due()
    assert office.notice(office.cursed, Aim.FAILURE).code.number == 2
    office.told_to_work = True

    await office.activate(office.code(office.cursed), "index of cursed")

    assert office.state(office.cursed) is AccountState.ACTIVATED
    office.clock.instant += RETRIES[0]
    await office.open_due()
    assert office.state(office.cursed) is AccountState.ACTIVATED


async def test_being_overtaken_is_no_failure(office: Office, monkeypatch: pytest.MonkeyPatch):
    """A job that lost its lease stops; it does not tell anybody that an opening failed."""

    async def overtaken(_accounts: Any, _read: Any, _session: Any) -> None:
        raise FencedError

    monkeypatch.setattr(office.accounts, "_write", overtaken)
    with pytest.raises(ExceptionGroup) as group:
        await office.open_due()

    assert group.group_contains(FencedError)
    assert await office.notices.count_failing() == 0


async def test_a_slice_that_is_always_overtaken_is_halved(office: Office, monkeypatch: pytest.MonkeyPatch):
    """Whoever keeps deciding does not keep a hundred others waiting: the slice is halved until they part (rule 9)."""
    sizes: list[int] = []
    write = office.accounts._write

    async def crowded(accounts: Sequence[Account], read: Any, session: Any) -> None:
        sizes.append(len(accounts))
        if len(accounts) > 4:
            raise RacedError
        await write(accounts, read, session)

    office.told_to_work = True
    monkeypatch.setattr(office.accounts, "_write", crowded)
    await office.open_due()

    assert len(office.published(AccountOpenedV1)) == 25
    assert sizes[0] == 25
