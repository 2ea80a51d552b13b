"""What the registrations of a batch make of the contacts."""

from base64 import b64encode
from datetime import UTC, datetime
from itertools import permutations
from uuid import uuid4

import pytest

from services.notifications.domain.contact import Contact
from services.notifications.handlers.contacts import keep_contacts
from shared.contracts.ingest import BeneficiaryAcceptedV1, BeneficiaryAcceptedV1Data
from shared.messaging.failures import RacedError
from shared.messaging.unit import DONE, Outcome, State, Unit
from tests.fakes.notifications import InMemoryContacts

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
RECORD = uuid4().hex
SUPERSEDED = Outcome(State.IGNORED, "version-superseded")


def accepted(version: int, insurer: str = "cpam-44") -> BeneficiaryAcceptedV1:
    """Return a registration that ingest accepted."""
    data = BeneficiaryAcceptedV1Data(
        version=version,
        insurer=insurer,
        regime="RG",
        department="44",
        ins_key_valid=True,
        sealed=b64encode(f"identity and address at version {version}".encode()).decode(),
    )
    return BeneficiaryAcceptedV1.new(source="/ingest", time=NOON, subject=RECORD, data=data)


async def handle(contacts: InMemoryContacts, *events: BeneficiaryAcceptedV1) -> Unit:
    """Return what the handler wrote down for a batch."""
    unit = Unit()
    await keep_contacts(events, unit, contacts=contacts)
    return unit


async def commit(contacts: InMemoryContacts, *events: BeneficiaryAcceptedV1) -> Unit:
    """Handle a batch and apply what was written down."""
    unit = await handle(contacts, *events)
    for effect in unit.effects:
        await effect(None)
    return unit


async def test_keeps_a_contact():
    """A notice's recipient is kept with the identity unopened (F05)."""
    contacts, event = InMemoryContacts(), accepted(1)

    unit = await commit(contacts, event)

    kept = contacts.rows[RECORD]
    assert kept == Contact(RECORD, 1, "cpam-44", event.id, "RG", "44", b"identity and address at version 1")
    assert "identity and address" not in repr(kept)
    assert unit.outcome_of(event) == DONE


async def test_nothing_new():
    """A version that was overtaken, or came already, is ignored and writes nothing."""
    contacts, latest, older = InMemoryContacts(), accepted(2), accepted(1)
    await commit(contacts, latest)

    unit = await commit(contacts, older, latest)

    assert [unit.outcome_of(event) for event in (older, latest)] == [SUPERSEDED, SUPERSEDED]
    assert not unit.effects


@pytest.mark.parametrize("batch", [1, 2, 4])
async def test_any_order_of_arrival(batch: int):
    """Whatever the order and the batches, the same contact stays."""
    events = [accepted(1), accepted(2), accepted(2, "mgen"), accepted(2)]
    ends = set()
    for order in permutations(events):
        contacts = InMemoryContacts()
        for start in range(0, len(order), batch):
            await commit(contacts, *order[start : start + batch])
        ends.add(contacts.rows[RECORD])
    assert len(ends) == 1


async def test_a_race_is_found_in_the_transaction():
    """Of two batches that read the same contact only one commits as it is; the other starts again."""
    contacts = InMemoryContacts()
    slow = await handle(contacts, accepted(1))
    await commit(contacts, accepted(2))

    with pytest.raises(RacedError):
        await slow.effects[0](None)
