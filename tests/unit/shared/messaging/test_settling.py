"""A batch to its end: each event exactly one row and one effect, whatever fails (rules 1, 2, 4, 5 and 9)."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from shared.messaging.failures import FencedError, RacedError
from shared.messaging.settling import StrayOutcomeError
from shared.messaging.store import Row
from shared.messaging.topology import EVENTS, LOGGED
from shared.messaging.unit import Emitted, State, Unit
from shared.strict_json import canonical
from tests.unit.shared.messaging.shop import FLOW, Shop, Thing, message, raw_message, thing, things


class BugError(Exception):
    """A handler's bug."""


def bug_in(*names: str):
    """Return a handler's decision that fails for these events."""

    def decide(event: Thing, _unit: Unit) -> None:
        if event.id in names:
            raise BugError

    return decide


def said(say: Callable[..., None], *given: Any, **named: Any) -> bool:
    """Say something of an event; True: it is not to be kept."""
    say(*given, **named)
    return True


def outage(*labels: str) -> PyMongoError:
    """Return an infrastructure error with labels of the driver."""
    error = AutoReconnect("gone")
    for label in labels:
        error._add_error_label(label)
    return error


def row_of(shop: Shop, name: str) -> Row:
    """Return the row of an event."""
    return shop.inbox.rows[f"{FLOW.queue}|/works|{name}"]


async def test_one_commit_per_batch(shop: Shop):
    """A batch is one transaction: its rows, its effects and one outbox row per routing key (rules 1 and 7)."""
    await shop.take(message(things(120)), message(things(80, 120)))

    assert len(shop.inbox.commits) == 1
    assert shop.kept == {f"t{n}": 1 for n in range(200)}
    assert shop.books == {"done": 200}
    assert shop.told == ["events/thing.kept.v1x200"]


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


class TestSystemic:
    """Half a batch, or three batches running, with one fingerprint: pause, probe, park nothing (rule 5)."""

    async def test_half_a_batch(self, shop: Shop):
        """A flow whose batch fails by half parks nothing, and goes on by itself when the cause is gone."""
        broken = bug_in(*(f"t{n}" for n in range(0, 200, 2)))
        paused: list[str | None] = []

        def decide(event: Thing, unit: Unit) -> None:
            paused.append(shop.settler.paused)
            if paused.count(paused[-1]) < 10 or paused[-1] is None:
                broken(event, unit)

        shop.decide = decide
        await shop.take_things(200)

        assert any(mark is not None and mark.startswith("BugError@") for mark in paused)
        assert shop.settler.paused is None
        assert shop.inbox.states()[State.DONE] + shop.inbox.states()[State.WAITING] == 200
        assert shop.inbox.states()[State.PARKED] == 0

    async def test_resumes_whole(self, shop: Shop):
        """The probe that shows the cause is gone is neither lost nor counted as a duplicate of itself."""
        failing = {"now": True}

        def decide(_event: Thing, _unit: Unit) -> None:
            if failing["now"] and shop.settler.paused is None:
                raise BugError
            failing["now"] = False

        shop.decide = decide
        await shop.take_things(20)

        assert shop.books == {"done": 20}
        assert set(shop.kept.values()) == {1}
        assert len(shop.kept) == 20

    async def test_probes_in_turn(self, shop: Shop):
        """A probe that is bad in itself does not hold the flow: the events that failed take turns."""
        state = {"broken": True}

        def decide(event: Thing, _unit: Unit) -> None:
            if event.id == "t9" or state["broken"]:
                raise BugError

        shop.decide = decide

        async def mend() -> None:
            while shop.settler.paused is None:  # noqa: ASYNC110 - the settler tells nobody when it pauses
                await asyncio.sleep(0)
            state["broken"] = False

        await asyncio.gather(shop.take_things(10), mend())

        assert shop.inbox.states() == {State.DONE: 9, State.WAITING: 1}
        assert row_of(shop, "t9").attempts == 1

    async def test_three_batches_running(self, shop: Shop):
        """Small batches that fail one after another speak of a common cause too, once ten events have failed."""
        mended = False

        def decide(_event: Thing, _unit: Unit) -> None:
            nonlocal mended
            mended = mended or shop.settler.paused is not None
            if not mended:
                raise BugError

        shop.decide = decide
        for start in range(0, 12, 4):
            await shop.take_things(4, start)

        assert shop.inbox.states() == {State.WAITING: 8, State.DONE: 4}

    async def test_a_good_batch_between(self, shop: Shop):
        """Failures with good batches in between are events' own (rule 5)."""
        shop.decide = bug_in(*(f"t{n}" for n in range(0, 100, 5)))
        for n in range(100):
            await shop.take_things(1, n)

        assert shop.inbox.states() == {State.DONE: 80, State.WAITING: 20}


class TestInfrastructure:
    """Broker or database away: keep, back off, acknowledge nothing, count nothing (rule 5)."""

    async def test_outage_before_the_commit(self, shop: Shop, naps: list[float]):
        """However often the database is away, the batch waits and is settled once; no attempt is counted."""
        shop.inbox.faults.extend([("before", outage("TransientTransactionError"))] * 30)
        await shop.take_things(5)

        assert shop.books == {"done": 5}
        assert shop.inbox.states() == {State.DONE: 5}
        assert len(naps) == 30
        assert max(naps) <= 5

    async def test_outage_when_looking(self, shop: Shop):
        """A database that cannot be asked what it knows is waited for as well."""
        shop.inbox.faults.extend([("seen", outage())] * 3)
        await shop.take_things(5)

        assert shop.books == {"done": 5}

    async def test_unknown_commit_that_took_effect(self, shop: Shop):
        """A commit that took effect and reported an error is counted once, and its events are no duplicates."""
        shop.inbox.faults.append(("after", outage("UnknownTransactionCommitResult")))
        await shop.take(message([*things(5), thing(1)]))

        assert shop.books == {"done": 5, "duplicate": 1}
        assert set(shop.kept.values()) == {1}
        assert len(shop.outbox.rows) == 1

    async def test_duplicates_survive_an_outage(self, shop: Shop):
        """Real duplicates in a batch that had to be tried again are still counted: nothing leaves the sum (rule 14)."""
        await shop.take_things(3)
        shop.inbox.faults.append(("before", outage("TransientTransactionError")))
        await shop.take_things(5)

        assert shop.books == {"done": 5, "duplicate": 3}

    async def test_unknown_commit_of_a_culprit(self, shop: Shop):
        """The row of a culprit whose commit reported an error is written once, with one attempt."""
        shop.decide = bug_in("t0")
        shop.inbox.faults.append(("after", outage("UnknownTransactionCommitResult")))
        await shop.take_things(1)

        assert row_of(shop, "t0").attempts == 1
        shop.inbox.faults.append(("after", outage("UnknownTransactionCommitResult")))
        await shop.retry(seconds=1)
        assert row_of(shop, "t0").attempts == 2

    async def test_outage_while_holding(self, shop: Shop):
        """The database may go away just when a culprit is written down: that is waited for too."""
        shop.decide = bug_in("t0")
        shop.inbox.faults.extend([("before", outage())] * 2)
        await shop.take_things(1)

        assert row_of(shop, "t0").attempts == 1

    @pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), OSError("no route")])
    async def test_outage_in_a_handler(self, shop: Shop, error: Exception):
        """What a handler reads may be away as well: no event is to blame."""
        faults = [error, error]

        def decide(_event: Thing, _unit: Unit) -> None:
            if faults:
                raise faults.pop()

        shop.decide = decide
        await shop.take_things(2)

        assert shop.books == {"done": 2}


class TestConflicts:
    """Two transactions that met: at once again, then with half the batch, never counted (rules 5 and 9)."""

    async def test_again_at_once(self, shop: Shop, naps: list[float]):
        """A conflict is tried again at once, from the reading on."""
        shop.inbox.faults.extend([("before", RacedError()), ("before", OperationFailure("", 112))])
        await shop.take_things(4)

        assert shop.books == {"done": 4}
        assert len(shop.batches) == 3
        assert sum(naps) < 0.1

    async def test_halves_after_three(self, shop: Shop):
        """After three conflicts the batch is halved (rule 9)."""
        shop.inbox.faults.extend([("before", RacedError())] * 3)
        await shop.take_things(4)

        assert [len(batch) for batch in shop.batches] == [4, 4, 4, 2, 2]
        assert shop.books == {"done": 4}

    async def test_lone_event_never_ceases(self, shop: Shop):
        """An event that alone conflicts with itself for ever is a bug, and waits with its neighbours done."""

        def decide(event: Thing, _unit: Unit) -> None:
            if event.id == "t1":
                raise RacedError

        shop.decide = decide
        await shop.take_things(4)

        assert shop.inbox.states() == {State.DONE: 3, State.WAITING: 1}

    async def test_two_workers_at_once(self, shop: Shop):
        """The same batch published twice and taken by two workers at once takes effect once; the law holds."""
        one, other = shop.settler, shop.worker("p2")
        batch = message(things(50))
        await asyncio.gather(shop.take(batch, settler=one), shop.take(message(things(50)), settler=other))

        assert shop.kept == {f"t{n}": 1 for n in range(50)}
        assert shop.books == {"done": 50, "duplicate": 50}

    async def test_replayed_while_tried(self, shop: Shop):
        """A row that an operator replays while it is tried is left to its next turn (rule 2)."""
        shop.decide = bug_in("t0")
        await shop.take_things(1)
        key = row_of(shop, "t0").key

        def replayed_meanwhile(_event: Thing, _unit: Unit) -> None:
            shop.inbox.replay(key)

        shop.decide = replayed_meanwhile
        await shop.retry(seconds=1)
        assert shop.kept == {}
        shop.decide = Shop().decide
        await shop.retry()

        assert shop.kept == {"t0": 1}


async def test_fenced(shop: Shop):
    """A process that lost its epoch stops at once: nothing is tried again, nothing is held (rule 13)."""
    shop.inbox.faults.append(("before", FencedError()))
    with pytest.raises(FencedError):
        await shop.take_things(3)

    assert shop.inbox.rows == {}


async def test_relay_hears_of_it(shop: Shop):
    """What was committed is offered to the relay at once, and only then."""
    shop.inbox.faults.append(("before", outage()))
    await shop.take_things(3)
    await shop.relay.drain(1)

    assert shop.publisher.ids == list(shop.outbox.rows)
    assert all(each.sent for each in shop.outbox.rows.values())
