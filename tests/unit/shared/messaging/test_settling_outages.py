"""A batch is kept through outages, conflicts and an end whose outcome nobody knows (rules 5 and 9)."""

import asyncio

import pytest
from pymongo.errors import OperationFailure

from shared.messaging.failures import FencedError, RacedError
from shared.messaging.unit import State, Unit
from tests.unit.shared.messaging.shop import Shop, Thing, message, thing, things
from tests.unit.shared.messaging.troubles import bug_in, outage, row_of


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
