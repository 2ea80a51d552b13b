"""From a message to its events: which key an event has, and who may occupy it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import RefusedError
from shared.messaging.cloudevents import BATCH
from shared.messaging.delivery import Incoming
from shared.messaging.reading import is_presentable, read, read_again
from shared.messaging.store import Held
from tests.unit.shared.messaging.shop import FLOW, SECRET, Shop, message, raw_message, thing, things


def readings(*bodies: bytes, **fields: Any) -> list[Incoming]:
    """Read bodies as one batch from outside."""
    shop = Shop(refuses=True)
    return shop.read(raw_message(b"[" + b",".join(bodies) + b"]", content_type=BATCH, **fields))


def bad(**fields: Any) -> bytes:
    """Return an event whose data break the contract."""
    return json.dumps(json.loads(thing(1).to_json()) | {"data": {"n": "one"}} | fields).encode()


def test_key_of_an_honest_event():
    """An admitted event's key is its flow, source and id (rule 1)."""
    (item,) = readings(thing(1).to_json())

    assert item.key == f"{FLOW.queue}|/works|t1"
    assert item.event == thing(1)
    assert item.refusal is None


def test_unverified_id_occupies_no_key():
    """Who sends a bad event under somebody's id does not keep that id from the honest one (rule 1)."""
    forged, honest = readings(bad(id="t1", source="/works"), thing(1).to_json())

    assert forged.refusal is not None
    assert forged.key != honest.key
    assert "/works" not in forged.key


def test_key_of_the_unreadable():
    """What has no trustworthy id is known by its message and its place: the same message again, the same key."""
    first, second = readings(bad(), bad()), readings(bad(), bad())

    assert [item.key for item in first] == [item.key for item in second]
    assert first[0].key != first[1].key
    assert [item.position for item in first] == [0, 1]


@pytest.mark.parametrize(
    "other", [{"user": "insurer.b"}, {"content_type": "application/cloudevents+json"}, {"routing_key": "thing.lost.v1"}]
)
def test_same_bytes_by_another_way(other: dict[str, str]):
    """The same bad bytes from another publisher, or as another kind, are refused for themselves (rule 4)."""
    shop = Shop(refuses=True)
    body = b"[" + bad() + b"]"
    one = shop.read(raw_message(body, content_type=BATCH, user="insurer.a"))
    two = shop.read(raw_message(body, **({"content_type": BATCH, "user": "insurer.a"} | other)))

    assert one[0].key != two[0].key


def test_digests_are_keyed():
    """A copy of the inbox does not let anyone test what an event said, not even a refused one."""
    shop = Shop(refuses=True)
    for delivery in (message([thing(1)]), raw_message(bad())):
        with_one = read(shop.subscription, delivery, SECRET)[0]
        with_other = read(shop.subscription, delivery, bytes(32))[0]
        assert with_one.digest != with_other.digest
    assert with_one.key != with_other.key


def test_digest_is_of_the_content():
    """Type, subject and data make the digest; when it was sent and how it was traced do not (rule 1)."""
    again = thing(1).model_copy(update={"time": thing(1).time.replace(year=2027), "traceparent": None})
    one, two, other = (readings(each.to_json())[0] for each in (thing(1), again, thing(2, name="t1")))

    assert one.digest == two.digest
    assert one.digest != other.digest


def test_refusal_tells_its_sender_where():
    """A refusal holds what its sender needs to find the event: message, place and its own id."""
    (_, item) = readings(thing(1).to_json(), bad(id="flux-1/2"), user="insurer.a", message_id="m7")

    assert item.refusal is not None
    assert item.refusal.error.code == "contract-violated"
    assert (item.refusal.position, item.refusal.refused_id, item.refusal.message_id) == (1, "flux-1/2", "m7")
    assert (item.refusal.user, item.refusal.wire_type) == ("insurer.a", "thing.happened.v1")


@pytest.mark.parametrize("presented", ["<script>", "é", "a" * 129, "", 7, None, {"$ne": 1}, "a\x00b"])
def test_unpresentable_ids(presented: object):
    """An id that is not made like one is not repeated, not even to its sender."""
    (item,) = readings(bad(id=presented))

    assert item.refusal is not None
    assert item.refusal.refused_id is None


def test_whole_message_refused():
    """A message that cannot be taken apart is one refusal, and its bytes are its body."""
    (item,) = Shop(refuses=True).read(raw_message(b"{", content_type=BATCH))

    assert item.refusal is not None
    assert (item.refusal.error.code, item.raw, item.position) == ("json-malformed", b"{", 0)


def test_neighbours_of_the_unreadable():
    """Events beside one that cannot be read are read."""
    items = readings(thing(1).to_json(), b'{"data": NaN}', thing(2).to_json())

    assert [item.event is not None for item in items] == [True, False, True]


def test_admission_speaks_first():
    """Who may not speak at all is told so before anything is said about a value."""
    shop = Shop(refuses=True)

    def admit(document: Any, raw: bytes, delivery: Any) -> Any:
        if document["source"] != "/works":
            raise RefusedError("source-foreign", "source")
        return thing(1)

    subscription = replace(shop.subscription, admit=admit)
    for source, code in (("/else", "source-foreign"), ("/works", "number-not-finite")):
        (item,) = read(subscription, raw_message(b'{"source": "%s", "more": NaN}' % source.encode()), SECRET)
        assert item.refusal is not None
        assert item.refusal.error.code == code


def test_admission_that_raises():
    """An exception that no admission should raise is kept for its own event: the neighbours are read."""
    shop = Shop()

    def admit(document: Any, raw: bytes, delivery: Any) -> Any:
        if document["id"] == "t1":
            raise ZeroDivisionError
        return shop.subscription.admit(document, raw, delivery)

    items = read(replace(shop.subscription, admit=admit), message(things(3)), SECRET)

    assert [type(item.error) for item in items] == [type(None), ZeroDivisionError, type(None)]
    assert items[1].refusal is None


class TestAgain:
    """A held row read again."""

    def held(self, key: str) -> Held:
        """Return a row that waits."""
        return Held(key, b"digest", 2, "thing.happened.v1", "insurer.a", b"sealed")

    def test_goes_on_under_its_key(self):
        """A waiting event keeps its key, its digest and its attempts."""
        key = f"{FLOW.queue}|/works|t1"
        again = read_again(Shop().subscription, self.held(key), thing(1).to_json(), SECRET)

        assert (again.key, again.digest, again.attempts, again.former) == (key, b"digest", 2, None)
        assert (again.event, again.user) == (thing(1), "insurer.a")

    def test_readable_at_last(self):
        """An event kept under its message's hash gets its own key once it can be read (rule 1)."""
        former = f"{FLOW.queue}|message|00ff:0"
        again = read_again(Shop().subscription, self.held(former), thing(1).to_json(), SECRET)

        assert (again.key, again.former, again.attempts) == (f"{FLOW.queue}|/works|t1", former, 2)
        assert again.digest == readings(thing(1).to_json())[0].digest

    def test_still_unreadable(self):
        """An event that still cannot be read keeps the row it has."""
        former = f"{FLOW.queue}|message|00ff:0"
        again = read_again(Shop().subscription, self.held(former), bad(), SECRET)

        assert (again.key, again.former) == (former, None)
        assert again.refusal is not None

    def test_reuse_stays_apart(self):
        """An event refused for its used id is not given that id by a replay."""
        key = f"{FLOW.queue}|/works|t1#0011"

        assert read_again(Shop().subscription, self.held(key), thing(1).to_json(), SECRET).key == key

    def test_body_that_does_not_open(self):
        """A body whose key was destroyed gives a refusal that says so (design §6)."""
        again = read_again(Shop().subscription, self.held("q|/s|1"), RefusedError("erased"), SECRET)

        assert again.refusal is not None
        assert (again.key, again.refusal.error.code, again.raw) == ("q|/s|1", "erased", b"")


@pytest.mark.parametrize("key", ["", "184127645108946", "jean dupont.v1", "thing.happened.v1\n", "\x1b[31m", "[/red]"])
def test_a_senders_own_text_is_no_type(key: str):
    """A routing key that is no wire type is never kept in clear: its sender may have put anything there."""
    (item,) = readings(thing(1).to_json(), routing_key=key)
    (broken,) = readings(bad(), routing_key=key)

    assert broken.refusal is not None
    assert {item.wire_type, broken.wire_type, broken.refusal.wire_type} == {FLOW.key}


def test_an_unknown_type_is_kept():
    """The operator sees which type a sender used that Carnet does not know."""
    (item,) = readings(bad(), routing_key="care.given.v2")

    assert item.wire_type == "care.given.v2"


def test_a_refusal_holds_nothing_of_the_document():
    """What is refused is not kept in memory until its batch is over: a parsed document is 30 times its text."""
    (item,) = readings(bad())

    assert item.refusal is not None
    error = item.refusal.error
    assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)


@pytest.mark.parametrize("text", ["279035121518989", "B-2.79.03.51.215.189/1", "192052A321025"])
def test_a_number_is_not_repeated(text: str):
    """An id that has the form of a person's number is not repeated to anybody, whatever its event was refused for."""
    assert not is_presentable(text)


@pytest.mark.parametrize("text", ["2026-05-11.044/17", "F20260511044/000017", "0b9d6a2f-4c8e", "lot-7/99999999"])
def test_an_honest_id_is_repeated(text: str):
    """Dates and counters are no numbers of persons: the sender finds its event by them."""
    assert is_presentable(text)
