"""What an opposition does to an account."""

from datetime import date

import pytest

from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.opposition import Effect, effect_of
from tests.fakes.records import NOON

LAST = date(2022, 2, 25)
AFTER = date(2022, 2, 26)
TOLD = Registration(1, "cpam-44", "e1", "RG", "44", None, ins_key_valid=True, box=b"shut")


def account(state: AccountState, cause: Cause = Cause.NOTICE) -> Account:
    """Return an account."""
    return Account("r", state, cause, NOON, 3, TOLD)


def test_on_the_last_day():
    """On the last day an opposition is accepted, on the day after it is not (F08)."""
    notified = account(AccountState.NOTIFIED)

    assert effect_of(notified, LAST, LAST) is Effect.OPPOSED
    assert effect_of(notified, LAST, AFTER) == "opposition-too-late"


def test_before_the_sending_is_known():
    """Who opposes before the sending was reported is in time, whatever the day."""
    assert effect_of(account(AccountState.ELIGIBLE), None, AFTER) is Effect.OPPOSED


def test_in_time_but_late_to_arrive():
    """An opposition made in time undoes the opening that the delay ended in; one made later does not (F11)."""
    opened = account(AccountState.OPEN, Cause.DEADLINE)

    assert effect_of(opened, LAST, LAST) is Effect.OPPOSED
    assert effect_of(opened, LAST, AFTER) == "opposition-too-late"


def test_a_legacy_dmp_stays():
    """A first opposition leaves a DMP from before the campaign active (F04)."""
    assert effect_of(account(AccountState.OPEN, Cause.LEGACY_DMP), None, AFTER) is Effect.DMP_KEPT


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (AccountState.NOT_ELIGIBLE, Cause.REGISTRATION),
        (AccountState.OPEN, Cause.REOPENING),
        (AccountState.ACTIVATED, Cause.ACTIVATION),
        (AccountState.CLOSED, Cause.CLOSURE),
    ],
)
def test_where_there_is_nothing_to_oppose(state: AccountState, cause: Cause):
    """Who has asked for a record, or has none to come, closes it or has nothing to oppose."""
    assert effect_of(account(state, cause), LAST, LAST) == "account-transition"
