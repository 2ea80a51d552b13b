"""What becomes of reimbursement lines."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.records.domain.account import AccountState
from shared.contracts.records import RecordUpdatedV1, RecordUpdatedV1Data
from shared.messaging.failures import RacedError
from shared.messaging.unit import DONE, Outcome, State
from tests.fakes.records import received
from tests.unit.records.house import LineHouse


@pytest.fixture
def house() -> LineHouse:
    """Return a house with nothing in it."""
    return LineHouse()


@pytest.mark.parametrize("state", [AccountState.OPEN, AccountState.ACTIVATED])
async def test_an_open_record_is_fed(house: LineHouse, state: AccountState):
    """A line enters an open record with its box unopened (F45, F47)."""
    event = received(house.account(state))

    unit = await house.commit(event)

    (line,) = house.lines.rows.values()
    assert (line.id, line.record, line.event) == (event.data.line_id, event.subject, event.id)
    assert line.box.startswith(b"a sealed box")
    assert "a sealed box" not in repr(line)
    assert unit.outcome_of(event) == DONE


async def test_an_unknown_account_waits(house: LineHouse):
    """A line that overtook its person's registration waits for it; its neighbours go on (F78)."""
    early, other = received(uuid4().hex), received(house.account())

    unit = await house.commit(early, other)

    assert unit.outcome_of(early) == Outcome(State.WAITING, "account-unknown")
    assert set(house.lines.rows) == {other.data.line_id}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (AccountState.NOT_ELIGIBLE, "account-not-open"),
        (AccountState.OPPOSED, "account-opposed"),
        (AccountState.CLOSED, "account-closed"),
    ],
)
async def test_a_record_that_is_not_open(house: LineHouse, state: AccountState, reason: str):
    """A line for a record that is not open is ignored with the reason: the insurer is never held up (F78)."""
    event = received(house.account(state))

    unit = await house.commit(event)

    assert unit.outcome_of(event) == Outcome(State.IGNORED, reason)
    assert (unit.effects, unit.emitted) == ([], [])


@pytest.mark.parametrize(
    ("now", "month", "kept"),
    [
        (datetime(2026, 11, 15, 12, tzinfo=UTC), "2024-11", True),
        (datetime(2026, 11, 15, 12, tzinfo=UTC), "2024-10", False),
        (datetime(2026, 10, 31, 22, 59, tzinfo=UTC), "2024-10", True),
        (datetime(2026, 10, 31, 23, 0, tzinfo=UTC), "2024-10", False),
    ],
)
async def test_the_last_24_months(house: LineHouse, now: datetime, month: str, kept: bool):
    """Care from before the 24th month back is ignored; the month changes at midnight in Paris (F45)."""
    house.clock.instant = now
    event = received(house.account(), month=month)

    unit = await house.commit(event)

    assert unit.outcome_of(event) == (DONE if kept else Outcome(State.IGNORED, "older-than-24-months"))
    assert len(house.lines.rows) == kept


async def test_one_event_per_record_and_commit(house: LineHouse):
    """What a commit adds to a record is told once, with lines, reversals and months (F46)."""
    one, two = house.account(), house.account()
    first = received(one, month="2026-10")
    cancelling = received(one, month="2026-10", reverses=first.data.line_id)
    batch = [first, received(two), received(one, month="2026-08"), cancelling]

    unit = await house.commit(*batch)

    told = [out.event for out in unit.emitted]
    assert {event.subject: event.data for event in told if isinstance(event, RecordUpdatedV1)} == {
        one: RecordUpdatedV1Data(lines=2, reversals=1, months=["2026-08", "2026-10"]),
        two: RecordUpdatedV1Data(lines=1, reversals=0, months=["2026-10"]),
    }
    assert len(told) == 2


async def test_a_known_line(house: LineHouse):
    """A line that is stored already, or twice in a batch, is ignored: it holds nothing up and is told once."""
    record = house.account()
    event = received(record)
    await house.commit(event)
    again, fresh = received(record, line=event.data.line_id), received(record)
    twin = received(record, line=fresh.data.line_id)

    unit = await house.commit(again, fresh, twin)

    known = Outcome(State.IGNORED, "line-known")
    assert [unit.outcome_of(each) for each in (again, fresh, twin)] == [known, DONE, known]
    assert house.lines.rows[event.data.line_id].event == event.id
    assert [out.event.data for out in unit.emitted] == [RecordUpdatedV1Data(lines=1, months=["2026-10"])]


async def test_a_line_stored_meanwhile(house: LineHouse):
    """A line that another worker stored between read and commit makes the batch start again, and be ignored then."""
    event = received(house.account())
    slow = await house.handle(event)
    await house.commit(received(event.subject, line=event.data.line_id))

    with pytest.raises(RacedError):
        await slow.effects[0](None)
    retaken = await house.commit(event)

    assert retaken.outcome_of(event) == Outcome(State.IGNORED, "line-known")
