"""The same event again, and another under its id (rules 1 and 14)."""

import json
from dataclasses import replace

import pytest

from shared.messaging.topology import EVENTS, LOGGED
from shared.messaging.unit import State
from tests.unit.shared.messaging.shop import FLOW, Shop, message, raw_message, thing, things


async def test_duplicate_in_a_batch(shop: Shop):
    """The same event twice in one batch takes effect once and is counted as a duplicate (rule 1)."""
    await shop.take(message([thing(1), thing(2), thing(1)]))

    assert shop.kept == {"t1": 1, "t2": 1}
    assert shop.books == {"done": 2, "duplicate": 1}


async def test_duplicate_later(shop: Shop):
    """The same event in a later message takes effect once and is counted as a duplicate (rule 1)."""
    await shop.take_things(3)
    await shop.take_things(3)

    assert set(shop.kept.values()) == {1}
    assert shop.books == {"done": 3, "duplicate": 3}


async def test_redelivery_is_no_duplicate(shop: Shop):
    """What the broker hands over again was published once: it does not enter the sum of the law (rule 14)."""
    await shop.take(message(things(3)))
    await shop.take(message(things(3), redelivered=True))

    assert set(shop.kept.values()) == {1}
    assert shop.books == {"done": 3, "redelivered": 3}


@pytest.mark.parametrize("exchange", [EVENTS, LOGGED])
async def test_what_an_outbox_sent_again_is_no_duplicate(exchange: str):
    """Carnet's own event was published once, however often an outbox had to send it: it is not in the sum (rule 14)."""
    shop = Shop(flow=replace(FLOW, exchange=exchange))
    await shop.take(message(things(3)))
    await shop.take(message(things(3)))

    assert set(shop.kept.values()) == {1}
    assert shop.books == {"done": 3, "resent": 3}


async def test_reused_id(counter: Shop):
    """The same id with other content is refused with a row of its own, and the first stays as it was (rule 1)."""
    await counter.take(message([thing(1, name="a")]))
    await counter.take(message([thing(7), thing(2, name="a")], message_id="m9", user="insurer.x"))

    assert counter.kept == {"a": 1, "t7": 1}
    assert counter.books == {"done": 2, "refused.id-reuse": 1}
    (refusal,) = counter.refusals
    assert (refusal.error.code, refusal.refused_id, refusal.position) == ("id-reuse", "a", 1)
    assert (refusal.message_id, refusal.user) == ("m9", "insurer.x")


async def test_reuse_in_a_batch(counter: Shop):
    """Reuse is found within one batch too; the same reuse again is a duplicate of the refusal (rule 1)."""
    await counter.take(message([thing(1, name="a"), thing(2, name="a"), thing(2, name="a")]))

    assert counter.books == {"done": 1, "refused.id-reuse": 1, "duplicate": 1}
    assert counter.inbox.states() == {State.DONE: 1, State.REFUSED: 1}


async def test_same_content_in_other_order(shop: Shop):
    """The digest is of the content: another order of keys, or another time of sending, is the same event (rule 1)."""
    await shop.take_things(1)
    document = json.loads(thing(0).to_json())
    turned = dict(reversed(document.items())) | {"time": "2026-11-16T12:00:00Z"}
    await shop.take(raw_message(json.dumps(turned).encode()))

    assert shop.books == {"done": 1, "duplicate": 1}
