"""A batch to its end: each event exactly one row and one effect, whatever it turns out to be (rules 1, 2, 4 and 5)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.messaging.settling import StrayOutcomeError
from shared.messaging.unit import Emitted, State
from shared.strict_json import canonical
from tests.unit.shared.messaging.shop import Shop, message, thing, things
from tests.unit.shared.messaging.troubles import bug_in, row_of


def said(say: Callable[..., None], *given: Any, **named: Any) -> bool:
    """Say something of an event; True: it is not to be kept."""
    say(*given, **named)
    return True


async def test_one_commit_per_batch(shop: Shop):
    """A batch is one transaction: its rows, its effects and one outbox row per routing key (rules 1 and 7)."""
    await shop.take(message(things(120)), message(things(80, 120)))

    assert len(shop.inbox.commits) == 1
    assert shop.kept == {f"t{n}": 1 for n in range(200)}
    assert shop.books == {"done": 200}
    assert shop.told == ["events/thing.kept.v1x200"]


async def test_one_bad_event_among_200(shop: Shop):
    """One event that fails ends waiting, with its fingerprint, and the 199 others are done (rules 2 and 5)."""
    shop.decide = bug_in("t77")
    await shop.take_things(200)

    assert shop.inbox.states() == {State.DONE: 199, State.WAITING: 1}
    assert len(shop.kept) == 199
    assert shop.books == {"done": 199}
    culprit = row_of(shop, "t77")
    assert (culprit.reason, culprit.attempts, culprit.body) == ("failed", 1, canonical(json.loads(thing(77).to_json())))
    assert (culprit.fingerprint or "").startswith("BugError@decide:")
    assert shop.settler.paused is None


async def test_attempts_until_parked(shop: Shop):
    """A failing event is tried again after 1 s, 10 s, 1 min and 10 min, then it is parked (rule 2)."""
    shop.decide = bug_in("t0")
    await shop.take_things(1)
    tried = [await shop.retry(seconds=seconds) for seconds in (0.9, 0.1, 9.9, 0.1, 59, 1, 599, 1, 9999)]

    assert tried == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    parked = row_of(shop, "t0")
    assert (parked.state, parked.reason, parked.attempts, parked.due) == (State.PARKED, "failed", 4, None)
    assert parked.body is not None
    assert len(shop.batches) == 5
    assert shop.kept == {}


async def test_lone_failures_never_pause(shop: Shop):
    """One bad event in a quiet hour fails batch after batch and is still its own fault: the flow goes on (rule 5)."""
    shop.decide = bug_in("t0")
    await shop.take_things(1)
    for _ in range(4):
        await shop.retry(hours=1)

    assert row_of(shop, "t0").state is State.PARKED
    assert shop.settler.paused is None


async def test_replay_applies_once(shop: Shop):
    """A parked event that is replayed after the cause was mended takes effect once (rule 2)."""
    shop.decide = bug_in("t0")
    await shop.take_things(1)
    for _ in range(4):
        await shop.retry(hours=1)
    shop.decide = Shop().decide
    shop.inbox.replay(row_of(shop, "t0").key)
    assert await shop.retry() == 1
    shop.inbox.replay(row_of(shop, "t0").key)
    shop.inbox.rows[row_of(shop, "t0").key] = row_of(shop, "t0")
    await shop.take_things(1)

    assert shop.kept == {"t0": 1}


async def test_waits_for_what_is_to_come(shop: Shop):
    """An event whose handler waits is taken again when due, and is done when what it needs has come (rule 11)."""
    come: list[str] = []
    shop.decide = lambda event, unit: None if come else said(unit.wait, event, "account-unknown")
    await shop.take_things(1)
    assert row_of(shop, "t0").reason == "account-unknown"
    assert shop.books == {}
    come.append("account")
    await shop.retry(seconds=1)

    assert shop.kept == {"t0": 1}
    assert shop.books == {"done": 1}


@pytest.mark.parametrize("last", [State.PARKED, State.QUARANTINED])
async def test_waiting_in_vain(shop: Shop, last: State):
    """Waiting that did not help ends as its handler said it should (rule 2)."""
    shop.decide = lambda event, unit: said(unit.wait, event, "account-unknown", last=last)
    await shop.take_things(1)
    for _ in range(4):
        await shop.retry(hours=1)

    assert (row_of(shop, "t0").state, row_of(shop, "t0").reason) == (last, "account-unknown")
    assert row_of(shop, "t0").body is not None


async def test_tells_when_waiting_is_over(shop: Shop):
    """What a handler wants told when waiting did not help leaves with the commit that ends it, and not before."""
    told = Emitted("feedback", "cpam-44", thing(0))
    shop.decide = lambda event, unit: said(unit.wait, event, "ins-unknown", last=State.QUARANTINED, then=[told])
    await shop.take_things(1)
    for _ in range(3):
        await shop.retry(hours=1)
    assert shop.told == []
    await shop.retry(hours=1)

    assert shop.told == ["feedback/cpam-44x1"]
    assert row_of(shop, "t0").state is State.QUARANTINED


async def test_outcomes(shop: Shop):
    """Each event ends as its handler said; what is ended keeps no body, what a person decides on does (rule 4)."""
    ends = {
        "t0": lambda event, unit: said(unit.ignore, event, "line-known"),
        "t1": lambda event, unit: said(unit.refuse, event, "amount-negative", "data.paid"),
        "t2": lambda event, unit: said(unit.quarantine, event, "traits-mismatch"),
    }
    shop.decide = lambda event, unit: ends[event.id](event, unit) if event.id in ends else None
    await shop.take_things(4)

    kept = [(row_of(shop, f"t{n}").state, row_of(shop, f"t{n}").body is not None) for n in range(4)]
    assert kept == [(State.IGNORED, False), (State.REFUSED, False), (State.QUARANTINED, True), (State.DONE, False)]
    assert row_of(shop, "t1").field == "data.paid"
    assert shop.books == {"done": 1, "ignored.line-known": 1, "refused.amount-negative": 1}


async def test_stray_outcome(shop: Shop):
    """A handler that decides about an event it was not given has a bug: nothing is lost without a word."""
    shop.decide = lambda _event, unit: unit.ignore(thing(99), "line-known")
    await shop.take_things(1)

    assert (row_of(shop, "t0").fingerprint or "").startswith(StrayOutcomeError.__name__)


async def test_admission_with_a_bug(shop: Shop):
    """An admission that raises what it should not fails its own event alone; its neighbours go on (rule 5)."""
    admit = shop.subscription.admit
    object.__setattr__(shop.subscription, "admit", lambda *given: 1 / 0 if "t1" in given[0]["id"] else admit(*given))
    await shop.take_things(3)

    assert shop.kept == {"t0": 1, "t2": 1}
    assert shop.inbox.states() == {State.DONE: 2, State.WAITING: 1}
    object.__setattr__(shop.subscription, "admit", admit)
    await shop.retry(seconds=1)

    assert shop.kept == {"t0": 1, "t1": 1, "t2": 1}
    await shop.take_things(3)
    assert set(shop.kept.values()) == {1}
