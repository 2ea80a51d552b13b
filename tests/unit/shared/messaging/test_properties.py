"""What a sender writes into a message's properties costs nobody else anything."""

import struct

import pamqp.frame
import pytest
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.messaging.properties import tolerate_any_properties

TYPE, HEADERS, ID, TIME, USER = 0x8000, 0x2000, 0x0080, 0x0040, 0x0010
OWN = b"\x0finsurer.cpam-44"


@pytest.fixture(autouse=True)
def _as_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ContentHeader, "unmarshal", ContentHeader.unmarshal)
    monkeypatch.setattr(Basic.Deliver, "unmarshal", Basic.Deliver.unmarshal)
    tolerate_any_properties()


def read(flags: int, properties: bytes) -> ContentHeader:
    """Read a header frame as a connection does."""
    payload = struct.pack(">HHQH", 60, 0, 2, flags) + properties
    frame = pamqp.frame.unmarshal(struct.pack(">BHI", 2, 1, len(payload)) + payload + b"\xce")[2]
    assert isinstance(frame, ContentHeader)
    return frame


def table(content: bytes) -> bytes:
    """Return an AMQP table."""
    return struct.pack(">I", len(content)) + content


def nested(depth: int) -> bytes:
    """Return a table in a table in a table."""
    content = b""
    for _ in range(depth):
        content = b"\x01aF" + table(content)
    return table(content)


def test_what_can_be_read_is_read():
    """Properties in order are taken as they are."""
    header = read(TYPE | USER, b"\x04text" + OWN)
    assert (header.body_size, header.properties.content_type) == (2, "text")
    assert header.properties.user_id == "insurer.cpam-44"


@pytest.mark.parametrize(
    ("flags", "properties"),
    [
        (TYPE, b"\x02\xff\xfe"),
        (ID, b"\x02\xff\xfe"),
        (TIME, b"\xff" * 8),
        (HEADERS, table(b"\x02\xff\xfeV")),
        (HEADERS, table(b"\x01aT" + b"\xff" * 8)),
        (HEADERS, table(b"\x01a?")),
        (HEADERS, nested(10_000)),
    ],
    ids=["content type", "message id", "date", "header name", "header date", "header kind", "endless table"],
)
def test_what_cannot_be_read_is_left_out(flags: int, properties: bytes):
    """A property that is no text, no date or no table is absent, and its publisher is known all the same."""
    header = read(flags | USER, properties + OWN)
    assert header.properties.user_id == "insurer.cpam-44"
    assert header.properties.content_type is None
    assert header.properties.message_id is None
    assert header.properties.timestamp is None
    assert not header.properties.headers


@pytest.mark.parametrize("end", range(40))
def test_a_frame_that_ends_early_is_no_end_of_the_connection(end: int):
    """Wherever the properties break off, the message's size is known and so it is refused like any other."""
    properties = (b"\x02\xff\xfe" + table(b"\x01a?") + b"\xff" * 8 + OWN)[:end]
    assert read(TYPE | HEADERS | TIME | USER, properties).body_size == 2


@pytest.mark.parametrize(("sent", "read_as"), [(b"care.given.v1", "care.given.v1"), (b"care.\xff\xe9", "care.??")])
def test_a_routing_key_that_is_no_text(sent: bytes, read_as: str):
    """A message under a key that is no text is delivered like any other, and what stands before its key is kept."""
    names = [bytes([len(name)]) + name for name in (b"ctag1", b"upstream", sent)]
    payload = struct.pack(">I", Basic.Deliver.index) + names[0] + struct.pack(">QB", 7, 1) + names[1] + names[2]
    frame = pamqp.frame.unmarshal(struct.pack(">BHI", 1, 1, len(payload)) + payload + b"\xce")[2]
    assert isinstance(frame, Basic.Deliver)
    assert (frame.consumer_tag, frame.delivery_tag, frame.redelivered) == ("ctag1", 7, True)
    assert (frame.exchange, frame.routing_key) == ("upstream", read_as)
