"""What a unit emits becomes messages: one per routing key, sliced to the limits (rule 7)."""

from shared.messaging.cloudevents import BATCH, MAX_BYTES, SINGLE, split
from shared.messaging.outbox import outbox_rows
from shared.messaging.unit import Unit
from tests.unit.shared.messaging.shop import ThingKeptV1, thing, things


def test_one_row_per_key():
    """Events of one type share a message, in their order; each insurer's feedback is its own."""
    unit = Unit()
    for event in things(3):
        unit.emit(event)
        unit.tell("cpam-44", event)
    unit.tell("msa-35", thing(7))
    unit.emit(ThingKeptV1.new(source="/shop", time=thing(1).time, data=thing(1).data))

    rows = outbox_rows(unit.emitted, "p1")

    assert [(row.exchange, row.key, row.count, row.content_type) for row in rows] == [
        ("events", "thing.happened.v1", 3, BATCH),
        ("feedback", "cpam-44", 3, BATCH),
        ("feedback", "msa-35", 1, SINGLE),
        ("events", "thing.kept.v1", 1, SINGLE),
    ]
    assert [each["id"] for each in split(rows[0].body, BATCH, strict=True)] == ["t0", "t1", "t2"]
    assert {row.owner for row in rows} == {"p1"}
    assert len({row.id for row in rows}) == 4


def test_sliced():
    """More than 200 events, or more than 1 MiB, are several messages (design §3)."""
    unit = Unit()
    for event in things(450):
        unit.emit(event)
    rows = outbox_rows(unit.emitted, "p1")

    assert [row.count for row in rows] == [200, 200, 50]
    assert all(len(row.body) <= MAX_BYTES for row in rows)


def test_nothing_emitted():
    """A unit that emits nothing leaves nothing to send."""
    assert outbox_rows([], "p1") == []
