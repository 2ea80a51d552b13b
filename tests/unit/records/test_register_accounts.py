"""What the registrations of a batch make of the accounts."""

from datetime import date
from itertools import permutations
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.records.domain.account import Account, AccountState
from services.records.handlers import register_accounts
from shared.contracts.ingest import BeneficiaryAcceptedV1
from shared.contracts.records import AccountOpenedV1
from shared.messaging.failures import RacedError
from shared.messaging.unit import Outcome, State, Unit
from tests.fakes.records import InMemoryAccounts, StoppedClock, accepted

LEGACY = date(2015, 3, 2)
RECENT = date(2023, 3, 2)
SUPERSEDED = Outcome(State.IGNORED, "version-superseded")


async def handle(accounts: InMemoryAccounts, *events: BeneficiaryAcceptedV1) -> Unit:
    """Return what the handler wrote down for a batch."""
    unit = Unit()
    await register_accounts(events, unit, accounts=accounts, clock=StoppedClock())
    return unit


async def commit(accounts: InMemoryAccounts, *events: BeneficiaryAcceptedV1) -> Unit:
    """Handle a batch and apply what was written down."""
    unit = await handle(accounts, *events)
    for effect in unit.effects:
        await effect(None)
    return unit


def opened(unit: Unit) -> list[AccountOpenedV1]:
    """Return the openings that a unit publishes."""
    return [out.event for out in unit.emitted if isinstance(out.event, AccountOpenedV1)]


async def test_opens_a_legacy_dmp():
    """A DMP from before the freeze opens the record and says so once (F03)."""
    accounts, record = InMemoryAccounts(), uuid4().hex
    event = accepted(record, dmp_created_on=LEGACY)

    unit = await commit(accounts, event)

    (told,) = opened(unit)
    assert accounts.rows[record].state is AccountState.OPEN
    assert (told.subject, told.data.cause, told.data.version) == (record, "legacy-dmp", 2)
    assert told.causationid == f"{event.source}|{event.id}"


@pytest.mark.parametrize("created", [RECENT, None])
async def test_others_wait(created: date | None):
    """Everyone else waits for the campaign, and nothing is published (F01, F02)."""
    accounts, record = InMemoryAccounts(), uuid4().hex

    unit = await commit(accounts, accepted(record, dmp_created_on=created))

    assert accounts.rows[record].state is AccountState.NOT_ELIGIBLE
    assert not unit.emitted


async def test_the_box_stays_shut():
    """The identity is kept as the box that came, and shows in no representation."""
    accounts, record = InMemoryAccounts(), uuid4().hex

    await commit(accounts, accepted(record))

    kept = accounts.rows[record]
    assert kept.registration.box == f"identity of {record} at version 1 of cpam-44".encode()
    assert "identity of" not in repr(kept)


async def test_an_older_version_is_ignored():
    """A version that was overtaken, or came already, is ignored and counted as such."""
    accounts, record = InMemoryAccounts(), uuid4().hex
    await commit(accounts, accepted(record, version=3))
    same = accepted(record, version=3).model_copy(update={"id": accounts.rows[record].registration.event})
    older = accepted(record, version=2)

    unit = await commit(accounts, older, same)

    assert [unit.outcome_of(event) for event in (older, same)] == [SUPERSEDED, SUPERSEDED]
    assert not unit.effects


async def test_one_person_many_times_in_a_batch():
    """A batch may tell of one person many times: one row is written, the latest stays."""
    accounts, record = InMemoryAccounts(), uuid4().hex
    events = [accepted(record, version=2), accepted(record, version=1), accepted(record, version=3)]

    unit = await commit(accounts, *events)

    assert accounts.rows[record].registration.version == 3
    assert unit.outcome_of(events[1]) == SUPERSEDED
    assert len(unit.effects) == 1


async def test_a_second_legacy_registration_is_silent():
    """A record is opened once; the insurer's next version does not open it again (F03)."""
    accounts, record = InMemoryAccounts(), uuid4().hex
    await commit(accounts, accepted(record, dmp_created_on=LEGACY))

    unit = await commit(accounts, accepted(record, version=2, dmp_created_on=LEGACY))

    assert not unit.emitted
    assert (accounts.rows[record].version, accounts.rows[record].registration.version) == (2, 2)


async def test_a_race_is_found_in_the_transaction():
    """Of two batches that read the same account only one commits as it is; the other starts again."""
    accounts, record = InMemoryAccounts(), uuid4().hex
    slow = await handle(accounts, accepted(record, version=1))
    await commit(accounts, accepted(record, version=2))

    with pytest.raises(RacedError):
        await slow.effects[0](None)


@settings(deadline=None, max_examples=20)
@given(
    versions=st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["cpam-44", "mgen"]), st.sampled_from([None, LEGACY, RECENT])),
        min_size=2,
        max_size=4,
    ),
    batch=st.integers(1, 4),
)
async def test_any_order_of_arrival(versions: list[tuple[int, str, date | None]], batch: int):
    """Whatever the order and the batches, the account ends in the same state and opens at most once (F03)."""
    record = uuid4().hex
    events = [
        accepted(record, version=version, insurer=insurer, dmp_created_on=created)
        for version, insurer, created in versions
    ]
    ends: set[tuple[AccountState, int, str]] = set()
    for order in permutations(events):
        account, openings = await arrive(record, order, batch)
        ends.add((account.state, account.version, account.registration.event))
        assert openings == (account.state is AccountState.OPEN)
    assert len(ends) == 1


async def arrive(record: str, order: tuple[BeneficiaryAcceptedV1, ...], batch: int) -> tuple[Account, int]:
    """Let events arrive in an order, cut into batches; return the account and the number of its openings."""
    accounts, openings = InMemoryAccounts(), 0
    for start in range(0, len(order), batch):
        unit = await commit(accounts, *order[start : start + batch])
        openings += len(opened(unit))
    return accounts.rows[record], openings
