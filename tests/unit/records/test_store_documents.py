"""What becomes of clinical documents."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest

from services.records.domain.account import AccountState
from services.records.domain.chain import Status, statuses
from services.records.handlers.logged import forget_traces
from shared.contracts.audit import AccessLoggedV1, AccessLoggedV1Data
from shared.contracts.reasons import REASONS
from shared.contracts.records import DocumentRefusedV1, DocumentStoredV1
from shared.messaging.failures import RacedError
from shared.messaging.unit import DONE, Outcome, State, Unit
from tests.fakes.reads import InMemoryTraces, documented
from tests.fakes.records import NOON
from tests.unit.records.house import DocumentHouse


@pytest.fixture
def house() -> DocumentHouse:
    """Return a house with nothing in it."""
    return DocumentHouse()


def told(unit: Unit) -> list[object]:
    """Return what was published."""
    return [each.event for each in unit.emitted]


@pytest.mark.parametrize("state", [AccountState.OPEN, AccountState.ACTIVATED])
async def test_an_open_record_takes_it(house: DocumentHouse, state: AccountState):
    """F25: a document enters an open record with its box unopened, and that is told."""
    event = await documented(house.account(state), house.vault, replaces=["4a" * 16])

    unit = await house.commit(event)

    (document,) = house.documents.rows.values()
    assert (document.id, document.content, document.record) == (
        event.data.document_id,
        event.data.content_id,
        event.subject,
    )
    assert (document.replaces, document.masked, document.version) == (("4a" * 16,), None, 1)
    (stored,) = told(unit)
    assert isinstance(stored, DocumentStoredV1)
    assert (stored.subject, stored.data.document_id) == (event.subject, event.data.document_id)
    assert unit.outcome_of(event) == DONE


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (AccountState.NOT_ELIGIBLE, "account-not-open"),
        (AccountState.NOTIFIED, "account-not-open"),
        (AccountState.OPPOSED, "account-opposed"),
        (AccountState.SUSPENDED, "account-suspended"),
        (AccountState.CLOSED, "account-closed"),
        (AccountState.DELETED, "account-deleted"),
    ],
)
async def test_a_record_that_is_not_open(house: DocumentHouse, state: AccountState, reason: str):
    """F13: a document for a record that is not open is refused with the account's state, and nothing is kept."""
    event = await documented(house.account(state), house.vault)

    unit = await house.commit(event)

    assert unit.outcome_of(event) == Outcome(State.IGNORED, reason)
    assert reason in REASONS
    (refused,) = told(unit)
    assert isinstance(refused, DocumentRefusedV1)
    assert (refused.data.document_id, refused.data.reason) == (event.data.document_id, reason)
    assert not house.documents.rows


async def test_an_unknown_account_waits(house: DocumentHouse):
    """A document that overtook its person's registration waits for it; its neighbours go on."""
    early, other = await documented(uuid4().hex, house.vault), await documented(house.account(), house.vault)

    unit = await house.commit(early, other)

    assert unit.outcome_of(early) == Outcome(State.WAITING, "account-unknown")
    assert set(house.documents.rows) == {other.data.document_id}


@pytest.mark.parametrize("state", [AccountState.OPPOSED, AccountState.CLOSED])
async def test_an_opposition_meanwhile(house: DocumentHouse, state: AccountState):
    """C43: an opposition that commits between the look and the commit wins, and the document is refused then."""
    event = await documented(house.account(), house.vault)
    slow = await house.handle(event)
    house.accounts.rows[event.subject] = replace(house.accounts.rows[event.subject], state=state)

    with pytest.raises(RacedError):
        await slow.effects[0](None)
    assert not house.documents.rows
    retaken = await house.commit(event)

    assert retaken.outcome_of(event).state is State.IGNORED
    assert not house.documents.rows


async def test_a_known_document(house: DocumentHouse):
    """F26: a document that is stored already, or twice in a batch, is ignored and told once."""
    record = house.account()
    event = await documented(record, house.vault)
    await house.commit(event)
    again = await documented(record, house.vault, document=event.data.document_id)
    fresh = await documented(record, house.vault)
    twin = await documented(record, house.vault, document=fresh.data.document_id)

    unit = await house.commit(again, fresh, twin)

    known = Outcome(State.IGNORED, "document-known")
    assert [unit.outcome_of(each) for each in (again, fresh, twin)] == [known, DONE, known]
    assert house.documents.rows[event.data.document_id].content == event.data.content_id
    assert len(told(unit)) == 1


async def test_every_order_of_arrival(house: DocumentHouse):
    """F30: whichever of a document, its replacement and the replacement's replacement arrives first, one is current."""
    names = [uuid4().hex for _ in range(3)]
    ends = set()
    for order in permutations(range(3)):
        house.documents.rows.clear()
        record = house.account()
        for number in order:
            event = await documented(
                record,
                house.vault,
                document=names[number],
                replaces=names[number - 1 : number],
                created=NOON + timedelta(days=number),
            )
            await house.commit(event)
        found = statuses(await house.documents.links(record))
        ends.add(tuple(found[name] for name in names))

    assert ends == {(Status.DEPRECATED, Status.DEPRECATED, Status.APPROVED)}


async def test_instants_as_they_are_kept(house: DocumentHouse):
    """What a document says of its time is kept to the millisecond, as the database would."""
    event = await documented(house.account(), house.vault, created=datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC))

    await house.commit(event)

    assert house.documents.rows[event.data.document_id].created.microsecond == 123_000


async def test_logged_traces_are_forgotten():
    """Traces that are in the log are forgotten, the others stay; what is unknown is no error (F57)."""
    traces, unit = InMemoryTraces(), Unit()
    traces.rows = {"a" * 32: NOON, "b" * 32: NOON}
    events = [
        AccessLoggedV1.new(source="/audit", time=NOON, data=AccessLoggedV1Data(events=["a" * 32, "c" * 32])),
        AccessLoggedV1.new(source="/audit", time=NOON, data=AccessLoggedV1Data(events=["a" * 32])),
    ]

    await forget_traces(events, unit, traces=traces)
    for effect in unit.effects:
        await effect(None)

    assert set(traces.rows) == {"b" * 32}
