"""Files that name people go once the printer is done with them and a time has passed."""

from datetime import timedelta

import pytest

from services.notifications.domain.lot import LotState
from services.notifications.domain.policy import Policy
from services.notifications.ports import SlipKind, Verdict
from tests.unit.notifications.office import Office, production, slip

KEPT = timedelta(days=90)


@pytest.fixture
async def office() -> Office:
    """Give an office with one lot handed over."""
    made = Office(Policy.SEED)
    await made.person()
    await made.print()
    return made


def number(office: Office) -> str:
    """Return the lot's number."""
    return next(iter(office.lots.rows))


async def answer(office: Office, status: str) -> None:
    """Let the printer answer for the lot."""
    verdicts = await office.report(slip(SlipKind.RECEIPT, f'{{"lot": "{number(office)}", "status": "{status}"}}'))
    assert verdicts == [Verdict.DONE]


@pytest.mark.parametrize("status", ["ACK", "REJ"])
async def test_after_its_time(office: Office, status: str):
    """A lot that the printer has answered for is removed once it was kept long enough, and not before."""
    await answer(office, status)
    office.later(days=90)
    await office.purge(KEPT)
    assert number(office) in office.pile.lots

    office.later(seconds=1)
    await office.purge(KEPT)
    await office.purge(KEPT)

    assert not office.pile.lots
    assert office.lots.rows[number(office)].state is LotState.PURGED


async def test_unanswered(office: Office):
    """A lot that the printer never answered for stays, however old: it may not have been printed."""
    office.later(days=900)
    await office.purge(KEPT)

    assert number(office) in office.pile.lots
    assert office.lots.rows[number(office)].state is LotState.HANDED_OVER


async def test_what_comes_back_later_still_counts(office: Office):
    """A letter that comes back after its lot was purged is known as returned all the same."""
    await answer(office, "ACK")
    (notice,) = office.notices.rows
    office.later(days=91)
    await office.purge(KEPT)

    day = office.clock.now().date().isoformat()
    assert await office.report(production((notice, "undeliverable", day, "unclaimed"))) == [Verdict.DONE]
    assert office.told()[-1][3] == "unclaimed"
