"""The life of an account: every cause in every state, and what a registration does."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.records.domain.account import (
    Account,
    AccountState,
    Cause,
    Registration,
    is_legacy,
    register,
    transition,
    why_unfed,
)
from shared.errors import RefusedError
from tests.fakes.records import NOON

RECORD = "0" * 32
LATER = NOON + timedelta(days=1)

# One row per cause: the state it leads to from each state, in the order of the first row; "." where it is refused.
STATES = "not-eligible eligible notified opposed open activated suspended closed deletion-requested deleted"
EXPECTED = {
    "registration": ". . . . . . . . . .",
    "legacy-dmp": "open open open . . . . . . .",
    "eligibility": "eligible . . . . . . . . .",
    "notice": ". notified notified . . . . . . .",
    "opposition": ". opposed opposed . opposed . . . . .",
    "confirmed-opposition": ". . . . closed . . . . .",
    "deadline": ". . open . . . . . . .",
    "activation": ". activated activated . activated . . . . .",
    "reopening": ". . . open . . . open open open",
    "suspension": ". . . . suspended suspended . . . .",
    "closure": ". . . . closed closed closed . . .",
    "ex-officio-closure": ". . . . . . closed . . .",
    "death": "closed closed closed closed closed closed closed . . .",
    "deletion-request": ". . . . . . . deletion-requested . .",
    "deletion": ". . . . . . . . deleted .",
    "purge": ". . . . . . . deleted . .",
}
MOVES = [
    pytest.param(state, cause, target, id=f"{state}, {cause}")
    for cause, row in EXPECTED.items()
    for state, target in zip(STATES.split(), row.split(), strict=True)
]


def told(version: int = 1, *, dmp: date | None = None, insurer: str = "cpam-44", event: str = "e1") -> Registration:
    """Return a registration."""
    return Registration(version, insurer, event, "RG", "44", dmp, ins_key_valid=True, box=b"shut")


def account(state: str) -> Account:
    """Return an account in a state, at version 7."""
    return Account(RECORD, AccountState(state), Cause.REGISTRATION, NOON, 7, told())


class TestTransition:
    """What each cause does in each state."""

    def test_the_matrix_is_whole(self):
        """Every cause meets every state of domain §1.4."""
        assert set(STATES.split()) == set(AccountState)
        assert set(EXPECTED) == set(Cause)

    @pytest.mark.parametrize(("state", "cause", "target"), [m for m in MOVES if m.values[2] != "."])
    def test_allowed(self, state: str, cause: str, target: str):
        """An allowed cause moves the account and its version up by one (F01, F03 to F17)."""
        before = account(state)

        after = transition(before, Cause(cause), LATER)

        assert after == replace(before, state=AccountState(target), cause=Cause(cause), since=LATER, version=8)

    @pytest.mark.parametrize(("state", "cause", "_target"), [m for m in MOVES if m.values[2] == "."])
    def test_refused(self, state: str, cause: str, _target: str):
        """A cause that the state does not allow is refused with a stable code."""
        with pytest.raises(RefusedError) as refused:
            transition(account(state), Cause(cause), LATER)

        assert refused.value.code == "account-transition"


class TestRegister:
    """What a registration does."""

    def test_without_a_dmp(self):
        """A person without a DMP waits for the campaign (F01)."""
        assert register(None, RECORD, told(), NOON) == Account(
            RECORD, AccountState.NOT_ELIGIBLE, Cause.REGISTRATION, NOON, 1, told()
        )

    def test_with_a_legacy_dmp(self):
        """A DMP from before the freeze makes the record open at once (F03)."""
        opened = register(None, RECORD, told(dmp=date(2015, 3, 2)), NOON)

        assert (opened.state, opened.cause, opened.version) == (AccountState.OPEN, Cause.LEGACY_DMP, 2)

    @pytest.mark.parametrize(
        ("created", "legacy"),
        [(date(2021, 6, 30), True), (date(2021, 7, 1), False), (date(2022, 1, 1), False), (None, False)],
    )
    def test_the_day_of_the_freeze(self, created: date | None, legacy: bool):
        """From 2021-07-01 on, a DMP is no legacy any more (F02, F03)."""
        assert is_legacy(created) is legacy

    def test_a_newer_version(self):
        """A newer registration replaces what was told and leaves state and version alone."""
        known = register(None, RECORD, told(1), NOON)

        assert register(known, RECORD, told(2), LATER) == replace(known, registration=told(2))

    @pytest.mark.parametrize("news", [told(2), told(1, event="e0")])
    def test_nothing_new(self, news: Registration):
        """An older registration, or the same, changes nothing."""
        known = register(None, RECORD, told(2), NOON)

        assert register(known, RECORD, news, LATER) is known

    def test_an_old_one_tells_of_a_legacy_dmp(self):
        """A legacy DMP opens the record even when a newer registration without it came first (F03)."""
        known = register(None, RECORD, told(2), NOON)

        after = register(known, RECORD, told(1, dmp=date(2015, 3, 2)), LATER)

        assert after.state is AccountState.OPEN
        assert after.registration == told(2)

    @pytest.mark.parametrize("state", [s for s in STATES.split() if s not in {"not-eligible", "eligible", "notified"}])
    def test_never_opens_again(self, state: str):
        """A registration never opens or closes what the person or the campaign has decided."""
        before = account(state)

        after = register(before, RECORD, told(2, dmp=date(2015, 3, 2)), LATER)

        assert after == replace(before, registration=after.registration)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("not-eligible", "account-not-open"),
        ("eligible", "account-not-open"),
        ("notified", "account-not-open"),
        ("opposed", "account-opposed"),
        ("open", None),
        ("activated", None),
        ("suspended", "account-suspended"),
        ("closed", "account-closed"),
        ("deletion-requested", "account-closed"),
        ("deleted", "account-deleted"),
    ],
)
def test_why_unfed(state: str, reason: str | None):
    """Only an open record is fed; every other state says why not (F11, F13)."""
    assert why_unfed(AccountState(state)) == reason
