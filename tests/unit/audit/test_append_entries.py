"""What becomes of an event that audit is given."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from services.audit.domain.entries import texts_of
from services.audit.domain.envelope import Envelope, read_envelope, unreadable
from services.audit.handlers.appending import append_entries, opening_aad
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, box_key_id, open_box
from tests.fakes.audit import InMemoryLog, LogStorage
from tests.fakes.entries import told as event
from tests.fakes.entries import whole
from tests.fakes.vault import InMemoryVault
from verifier.leaves import Group, Opened, check_opened, commitment, event_name
from verifier.merkle import leaf_hash

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
OWN = Key(bytes(16), bytes(32))


class Hand:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> datetime:
        """Return the instant."""
        return self.instant


class House:
    """Audit's log and the vault, and a way to put a batch through."""

    def __init__(self) -> None:
        self.storage, self.vault = LogStorage(), InMemoryVault()
        self.log, self.clock = InMemoryLog(self.storage), Hand()

    async def append(self, *events: Envelope) -> Unit:
        """Handle a batch and apply what was written down."""
        unit = Unit()
        await append_entries(events, unit, log=self.log, vault=self.vault, own_key=OWN, clock=self.clock)
        for effect in unit.effects:
            await effect(None)
        return unit

    def texts(self, index: int, key: Key = OWN) -> Mapping[Group, Opened]:
        """Open what lies beside an entry, and prove it."""
        leaf, opening = self.storage.entry(index).leaf, self.storage.openings[index]
        texts = texts_of(open_box(key, opening.box, opening_aad(opening.record, leaf.event)))
        check_opened(leaf, texts)
        return texts


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

        leaves = list(enumerate(house.storage.leaves))
        assert whole(leaves, house.storage.head) == [each.name for each in events]

    async def test_what_it_says(self, house: House):
        """F57: an entry says which event, and when it was recorded; nothing else can be read without its opening."""
        subject = uuid4().hex
        told = event(subject)

        await house.append(told)

        leaf, opening = house.storage.entry(0).leaf, house.storage.openings[0]
        assert (leaf.event, leaf.recorded_at) == (event_name("/ingest", told.id), int(NOW.timestamp() * 1000))
        assert (opening.type, opening.record, opening.number) == ("line.kept.v1", subject, 1)
        assert subject.encode() not in bytes(leaf)

    async def test_opens(self, house: House):
        """An opening gives the event back, and it is what the entry commits to."""
        told = event(uuid4().hex)

        await house.append(told)

        texts = house.texts(0)
        assert texts[Group.DETAIL].text == told.raw
        assert len({opened.salt for opened in texts.values()}) == 3

    async def test_chain_of_a_record(self, house: House):
        """Each entry about a record says its number among them and the hash of the one before, across batches."""
        ada, bob = uuid4().hex, uuid4().hex
        await house.append(event(ada), event(bob), event(ada))
        await house.append(event(), event(ada))

        said = [orjson.loads(house.texts(index)[Group.SUBJECT].text) for index in (0, 2, 4)]
        assert [each["entry"] for each in said] == [1, 2, 3]
        before = [b"", *(leaf_hash(house.storage.leaves[index]) for index in (0, 2))]
        assert [each["previous"] for each in said] == [b64encode(each).decode() for each in before]
        assert house.texts(3)[Group.SUBJECT].text == b"{}"

    async def test_clock_back(self, house: House):
        """I 111: a clock that goes back an hour changes no order: no entry is recorded before the one it follows."""
        await house.append(event())
        house.clock.instant -= timedelta(hours=1)
        await house.append(event(), event())

        times = [house.storage.entry(index).leaf.recorded_at for index in range(3)]
        assert times == [int(NOW.timestamp() * 1000)] * 3

    async def test_key_of_the_record(self, house: House):
        """An event about a record is sealed under that record's audit key, so that it is erased with it."""
        subject = uuid4().hex
        key = (await house.vault.ensure_keys([(subject, KeyClass.AUDIT)]))[subject, KeyClass.AUDIT]

        await house.append(event(subject), event(uuid4().hex), event())

        assert [box_key_id(opening.box) for opening in house.storage.openings.values()] == [key.id, OWN.id, OWN.id]

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

        first, second = (house.storage.entry(index).leaf for index in (0, 1))
        assert set(first.commitments).isdisjoint(second.commitments)
        assert commitment(Group.DETAIL, Opened(bytes(32), told.raw)) not in first.commitments

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

        assert envelope.type
        assert _named(envelope)

    def test_without_id(self):
        """Two events without an id are told apart by what they say."""
        one, same, other = event(id=None, data=1), event(id=None, data=1), event(id=None, data=2)

        assert one.name == same.name != other.name

    @pytest.mark.parametrize("document", [None, [], "text", 5, {}, {"id": "x"}, {"source": "/x", "data": [1]}])
    def test_no_event(self, document: object):
        """Rule 13: JSON that names no event is logged as what it is."""
        envelope = read_envelope(document, orjson.dumps(document))

        assert _named(envelope)
        assert orjson.loads(envelope.raw)["data"] == document

    @pytest.mark.parametrize(
        ("body", "kept"), [(b"\xff{", True), (b"", True), (bytes(2**20), True), (bytes(2**21), False)]
    )
    def test_no_json(self, body: bytes, kept: bool):
        """Rule 13: bytes that are no JSON are kept as they came, unless no queue should have let them in."""
        document = unreadable(body)
        envelope = read_envelope(document, orjson.dumps(document))

        assert _named(envelope)
        assert (b64decode(document.get("data_base64", "")) == body) is (kept or not body)


def _named(envelope: Envelope) -> bool:
    """Tell whether the text that is kept has the source and the id that the leaf names, as verifiers want it."""
    text = orjson.loads(envelope.raw)
    return event_name(text["source"], text["id"]) == envelope.name
