"""What becomes of an event that audit is given."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest

from services.audit.domain.chain import commit_to, find_fault
from services.audit.domain.envelope import Envelope, read_envelope
from services.audit.handlers.appending import append_entries, opening_aad
from shared.errors import RefusedError
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, box_key_id, open_box
from tests.fakes.audit import InMemoryLog, LogStorage
from tests.fakes.vault import InMemoryVault

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
OWN = Key(bytes(16), bytes(32))


class StoppedClock:
    """Always the same instant."""

    def now(self) -> datetime:
        """Return it."""
        return NOW


def event(subject: str | None = None, **attributes: Any) -> Envelope:
    """Return an event that no test has met."""
    document: dict[str, Any] = {
        "source": "/ingest",
        "id": uuid4().hex,
        "type": "line.kept.v1",
        "time": "2026-11-21T09:59:59Z",
    }
    document |= {"data": {"sealed": "AAAA"}, **({"subject": subject} if subject else {}), **attributes}
    return read_envelope(document, orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


class House:
    """Audit's log and the vault, and a way to put a batch through."""

    def __init__(self) -> None:
        self.storage, self.vault = LogStorage(), InMemoryVault()
        self.log = InMemoryLog(self.storage)

    async def append(self, *events: Envelope) -> Unit:
        """Handle a batch and apply what was written down."""
        unit = Unit()
        await append_entries(events, unit, log=self.log, vault=self.vault, own_key=OWN, clock=StoppedClock())
        for effect in unit.effects:
            await effect(None)
        return unit


@pytest.fixture
def house() -> House:
    """Give an empty log."""
    return House()


class TestAppend:
    """From an event to an entry."""

    async def test_one_entry_each(self, house: House):
        """F57: every event gives exactly one entry, in the order of the batch."""
        events = [event() for _ in range(5)]

        await house.append(*events[:2])
        await house.append(*events[2:])

        assert [entry.leaf.key for entry in house.storage.entries] == [each.key for each in events]
        assert find_fault(house.storage.entries, house.storage.head) is None

    async def test_what_it_says(self, house: House):
        """F57: an entry says who, what, when as said, when recorded, and about whom."""
        subject = uuid4().hex
        told = event(subject)

        await house.append(told)

        leaf = house.storage.entries[0].leaf
        assert (leaf.key, leaf.type, leaf.time) == (f"/ingest|{told.id}", "line.kept.v1", "2026-11-21T09:59:59Z")
        assert (leaf.recorded_at, leaf.subject) == (int(NOW.timestamp() * 1000), subject)

    async def test_opens(self, house: House):
        """An opening gives the envelope back, and the envelope is what the entry commits to."""
        told = event(uuid4().hex)

        await house.append(told)

        opening, leaf = house.storage.openings[0], house.storage.entries[0].leaf
        envelope = open_box(OWN, opening.box, opening_aad(told.subject, told.key))
        assert envelope == told.raw
        assert commit_to(opening.salt, envelope) == leaf.commitment

    async def test_key_of_the_record(self, house: House):
        """An event about a record is sealed under that record's audit key, so that it is erased with it."""
        subject = uuid4().hex
        key = (await house.vault.ensure_keys([(subject, KeyClass.AUDIT)]))[subject, KeyClass.AUDIT]

        await house.append(event(subject), event(uuid4().hex), event())

        assert [box_key_id(opening.box) for opening in house.storage.openings] == [key.id, OWN.id, OWN.id]

    async def test_erased_record(self, house: House):
        """An event about an erased record is logged all the same."""
        subject = uuid4().hex
        await house.vault.ensure_keys([(subject, KeyClass.AUDIT)])
        await house.vault.destroy_keys(subject, [KeyClass.AUDIT])

        await house.append(event(subject))

        assert house.storage.head.size == 1

    async def test_mints_nothing(self, house: House):
        """Audit only finds keys of records; it never makes one."""
        await house.append(event(uuid4().hex))

        assert house.vault.keys == {}

    async def test_salted(self, house: House):
        """Two events with the same text have different commitments: nobody can guess one by trying texts."""
        told = event()
        twin = Envelope("/records", told.id, told.type, told.time, None, told.raw)

        await house.append(told, twin)

        first, second = (entry.leaf.commitment for entry in house.storage.entries)
        assert first != second

    async def test_once(self, house: House):
        """An event that has an entry gets no second one, even when the inbox has forgotten it."""
        known = event()
        await house.append(known)

        unit = await house.append(known)
        await house.append(known, event())

        assert unit.effects == []
        assert house.storage.head.size == 2

    async def test_nothing_to_say(self, house: House):
        """Audit refuses, parks and publishes nothing."""
        unit = await house.append(event(), event(type="never.heard.of.v9", subject="not an id", data=None))

        assert (unit.outcomes, unit.emitted) == ({}, [])
        assert house.storage.head.size == 2


class TestEnvelope:
    """What is read of an event, however it is made."""

    @pytest.mark.parametrize("attribute", ["source", "id", "type", "time", "subject"])
    @pytest.mark.parametrize("value", [None, 5, "", [], {"a": 1}])
    def test_unreadable_attribute(self, attribute: str, value: Any):
        """An attribute that is no text keeps nothing from being logged."""
        envelope = event(**{attribute: value})

        assert envelope.key
        assert envelope.type

    def test_without_id(self):
        """Two events without an id are told apart by what they say."""
        one, same, other = event(id=None, data=1), event(id=None, data=1), event(id=None, data=2)

        assert one.key == same.key != other.key

    @pytest.mark.parametrize("document", [None, [], "text", 5])
    def test_no_object(self, document: object):
        """JSON that is no object is no event."""
        with pytest.raises(RefusedError, match="envelope-malformed"):
            read_envelope(document, b"")
