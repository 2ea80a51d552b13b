"""What every inbox and outbox must do, in memory and in MongoDB."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

import pytest

from shared.messaging.failures import Failure, RacedError, classify
from shared.messaging.store import Commit, Inbox, Outbox, OutboxRow, Place, Row
from shared.messaging.unit import Effect, State
from tests.fakes.messaging import NOON

QUEUE = "shop.thing.happened.v1"


class Stores(Protocol):
    """An inbox and an outbox on one storage, and the means to look behind them."""

    inbox: Inbox
    outbox: Outbox

    def effect(self, name: str) -> Effect:
        """Return a change that adds a name; it fails as storage fails if the name is there already."""

    async def names(self) -> set[str]:
        """Return the names added."""

    async def books(self) -> Mapping[str, int]:
        """Return what was counted for the queue, by dotted name."""

    async def backdate(self, row_id: str, seconds: float) -> None:
        """Make an outbox row older."""

    async def silence(self, owner: str, seconds: float) -> None:
        """Make the last sign of life of a process older."""

    async def is_sent(self, row_id: str) -> bool:
        """Tell whether a row is marked as sent."""


def row(key: str, state: State = State.DONE, **fields: object) -> Row:
    """Return an inbox row of the test's queue."""
    return Row(key, b"digest", state, QUEUE, "thing.happened.v1", **fields)  # type: ignore[arg-type]


def waiting(key: str, attempts: int = 1, **fields: object) -> Row:
    """Return a row that waits since noon."""
    return row(key, State.WAITING, attempts=attempts, due=NOON, reason="failed", body=b"sealed", **fields)


def message(row_id: str, owner: str = "p1") -> OutboxRow:
    """Return an outbox row."""
    return OutboxRow(row_id, owner, "events", "thing.happened.v1", b"{}", "application/cloudevents+json", 1)


class StoreSuite:
    """A subclass gives a fixture ``stores``."""

    async def test_commits_all(self, stores: Stores):
        """A commit writes the rows, applies the effects, queues the messages and counts, together (rule 1)."""
        await stores.inbox.commit(
            Commit(
                [row("a", origin="works.2026-11-22T02:47"), row("b")],
                [stores.effect("x")],
                [message("m")],
                {"done": 2, "emitted.events.thing.happened.v1": 1},
                QUEUE,
                "t1",
            )
        )

        assert set(await stores.inbox.seen(["a", "b", "c"])) == {"a", "b"}
        assert await stores.names() == {"x"}
        made = {"made.events.thing.happened.v1": 1, "emitted.events.thing.happened.v1": 1}
        assert await stores.books() == {"done": 2, "rows": 2, "heard.works.2026-11-22T02:47": 1, **made}
        assert not await stores.is_sent("m")
        assert await stores.inbox.last(QUEUE) == "t1"

    async def test_tells_what_it_saw(self, stores: Stores):
        """What is known of a key is its digest, its state and its attempts."""
        await stores.inbox.commit(Commit([waiting("w", 3), row("i", State.IGNORED, reason="line-known")]))

        seen = await stores.inbox.seen(["w", "i"])

        assert (seen["w"].digest, seen["w"].state, seen["w"].attempts) == (b"digest", State.WAITING, 3)
        assert seen["i"].state is State.IGNORED

    async def test_counts_new_rows_only(self, stores: Stores):
        """A row that goes on is none that is new: rows counted are rows that stand (rule 14)."""
        await stores.inbox.commit(Commit([waiting("a"), row("b")], queue=QUEUE))
        await stores.inbox.commit(Commit([row("a", expected=1), row("c")], queue=QUEUE))

        assert await stores.books() == {"rows": 3}

    async def test_refuses_a_known_key(self, stores: Stores):
        """A new row under a known key is a conflict and nothing of its commit remains (rule 1)."""
        await stores.inbox.commit(Commit([row("a")]))

        with pytest.raises(Exception) as caught:  # noqa: PT011 - each storage has its own, of one kind
            await stores.inbox.commit(
                Commit([row("b"), row("a")], [stores.effect("x")], [message("m")], {"done": 2}, QUEUE, "t")
            )

        assert classify(caught.value) is Failure.CONFLICT
        assert set(await stores.inbox.seen(["a", "b"])) == {"a"}
        assert await stores.names() == set()
        assert await stores.books() == {}
        assert await stores.inbox.last(QUEUE) is None

    async def test_undoes_a_failed_effect(self, stores: Stores):
        """An effect that fails takes the rows, the messages and the other effects with it (rule 1)."""

        async def broken(_session: object) -> None:
            raise LookupError

        with pytest.raises(LookupError):
            await stores.inbox.commit(Commit([row("a")], [stores.effect("x"), broken], [message("m")], {"done": 1}))

        assert await stores.inbox.seen(["a"]) == {}
        assert await stores.names() == set()
        await stores.backdate("m", 10)
        assert await stores.outbox.unsent("p1", 10) == []

    async def test_passes_on_fencing(self, stores: Stores):
        """What an effect raises comes out as it is, so that a race or a lost epoch is told from a bug."""

        async def raced(_session: object) -> None:
            raise RacedError

        with pytest.raises(RacedError):
            await stores.inbox.commit(Commit([row("a")], [raced]))

    async def test_finds_what_is_due(self, stores: Stores):
        """Waiting rows come out when their time has come, the longest due first, and no others."""
        later = waiting("later")
        await stores.inbox.commit(
            Commit(
                [
                    waiting("b", user="insurer.x"),
                    waiting("a", 2, expected=None),
                    row("parked", State.PARKED, body=b"sealed"),
                    row("done"),
                ]
            )
        )
        await stores.inbox.commit(Commit([_due(later, seconds=1)]))

        held = await stores.inbox.due(QUEUE, NOON, 10)

        assert {(each.key, each.attempts, each.user, each.body) for each in held} == {
            ("a", 2, None, b"sealed"),
            ("b", 1, "insurer.x", b"sealed"),
        }
        assert [each.key for each in await stores.inbox.due(QUEUE, NOON + timedelta(seconds=1), 10)][-1] == "later"
        assert len(await stores.inbox.due(QUEUE, NOON, 1)) == 1
        assert await stores.inbox.due("other.queue", NOON, 10) == []
        assert await stores.inbox.queues_due({QUEUE, "other.queue"}, NOON) == {QUEUE}
        assert await stores.inbox.queues_due({"other.queue"}, NOON) == set()
        assert await stores.inbox.queues_due({QUEUE}, NOON - timedelta(days=1)) == set()

    async def test_goes_on_with_a_waiting_row(self, stores: Stores):
        """A retry ends exactly the row it read, in the transaction of its effect (rule 2)."""
        await stores.inbox.commit(Commit([waiting("a")]))

        await stores.inbox.commit(Commit([row("a", attempts=1, expected=1)], [stores.effect("x")]))

        assert (await stores.inbox.seen(["a"]))["a"].state is State.DONE
        assert await stores.names() == {"x"}
        assert await stores.inbox.due(QUEUE, NOON, 10) == []

    @pytest.mark.parametrize("there", [None, row("a"), waiting("a", 2)], ids=["gone", "done", "tried meanwhile"])
    async def test_refuses_a_changed_row(self, stores: Stores, there: Row | None):
        """A retry whose row is not as it was read is a race, and its effect does not happen (rule 2)."""
        if there is not None:
            await stores.inbox.commit(Commit([there]))

        with pytest.raises(RacedError):
            await stores.inbox.commit(Commit([row("a", expected=1)], [stores.effect("x")]))

        assert await stores.names() == set()

    async def test_retries_can_wait_again_and_park(self, stores: Stores):
        """A row may wait again with one attempt more, and keep its body when it is parked."""
        await stores.inbox.commit(Commit([waiting("a")]))
        await stores.inbox.commit(Commit([waiting("a", 2, expected=1)]))
        assert [each.attempts for each in await stores.inbox.due(QUEUE, NOON, 10)] == [2]

        await stores.inbox.commit(Commit([row("a", State.PARKED, attempts=2, body=b"kept", expected=2)]))

        assert (await stores.inbox.seen(["a"]))["a"].state is State.PARKED
        assert await stores.inbox.due(QUEUE, NOON, 10) == []

    async def test_two_at_once(self, stores: Stores):
        """Of two workers with the same events, one takes effect and the other meets a conflict."""
        both = [Commit([row("a")], [stores.effect(f"x{n}")], (), {"done": 1}, QUEUE) for n in range(2)]

        results = await asyncio.gather(*(stores.inbox.commit(each) for each in both), return_exceptions=True)

        errors = [each for each in results if isinstance(each, Exception)]
        assert [classify(each) for each in errors] == [Failure.CONFLICT]
        assert len(await stores.names()) == 1
        assert await stores.books() == {"done": 1, "rows": 1}

    async def test_counts_without_rows(self, stores: Stores):
        """A batch of nothing but duplicates is counted too."""
        for _ in range(2):
            await stores.inbox.commit(Commit([], tally={"duplicate": 3, "emitted.events.a.b.v1": 1}, queue=QUEUE))

        assert await stores.books() == {"duplicate": 6, "emitted.events.a.b.v1": 2}

    async def test_rereads_only_old_rows(self, stores: Stores):
        """An own row is unsent when it has waited for over 5 s, the oldest first; another's is not mine (rule 7)."""
        await _queue(stores, [message("old"), message("older"), message("young"), message("other", "p2")])
        await stores.backdate("old", 6)
        await stores.backdate("older", 7)
        await stores.backdate("other", 7)

        assert [each.id for each in await stores.outbox.unsent("p1", 10)] == ["older", "old"]
        (first,) = await stores.outbox.unsent("p1", 1)
        assert first == message("older")
        assert [each.id for each in await stores.outbox.unsent("p1", 10, Place(first.created, first.id))] == ["old"]

    async def test_rereads_after_a_place(self, stores: Stores):
        """Rows of one commit, which have the same instant, stand in the order of their ids; none is left out."""
        await _queue(stores, [message(f"m{n}") for n in range(9)])
        for n in range(9):
            await stores.backdate(f"m{n}", 6)
        found: list[str] = []
        place: Place | None = None
        while page := await stores.outbox.unsent("p1", 2, place):
            found += [each.id for each in page]
            place = Place(page[-1].created, page[-1].id)

        assert sorted(found) == [f"m{n}" for n in range(9)]

    async def test_sent_is_sent(self, stores: Stores):
        """What the broker confirmed is never unsent again; marking it twice changes nothing (rule 7)."""
        await _queue(stores, [message("m")])
        await stores.backdate("m", 60)
        for _ in range(2):
            await stores.outbox.mark_sent(["m", "unknown"])

        assert await stores.is_sent("m")
        assert await stores.outbox.unsent("p1", 10) == []
        assert not await stores.outbox.adopt("p2")

    async def test_adopts_from_the_silent(self, stores: Stores):
        """Rows of a process silent for 30 s, or never heard of, are taken over; those of the living stay (rule 7)."""
        await _queue(stores, [message("dead", "p1"), message("unheard", "p2"), message("alive", "p3")])
        for owner, silent in (("p1", 31), ("p3", 29)):
            await stores.outbox.beat(owner)
            await stores.silence(owner, silent)
        for row_id in ("dead", "unheard", "alive"):
            await stores.backdate(row_id, 60)

        assert await stores.outbox.adopt("p9") == {"p1": 1, "p2": 1}

        assert {each.id for each in await stores.outbox.unsent("p9", 10)} == {"dead", "unheard"}
        assert [each.id for each in await stores.outbox.unsent("p3", 10)] == ["alive"]

    async def test_adopts_no_young_rows(self, stores: Stores):
        """A row younger than 30 s may belong to a process that has not told yet that it lives (rule 7)."""
        await _queue(stores, [message("m", "newborn")])
        await stores.backdate("m", 20)

        assert not await stores.outbox.adopt("p9")

    async def test_adopted_once(self, stores: Stores):
        """Two processes that adopt at once share the rows without overlap (rule 7)."""
        await _queue(stores, [message(f"m{n}", "dead") for n in range(20)])
        for n in range(20):
            await stores.backdate(f"m{n}", 60)
        for owner in ("p8", "p9"):
            await stores.outbox.beat(owner)

        taken = await asyncio.gather(stores.outbox.adopt("p8"), stores.outbox.adopt("p9"))

        assert sum(each["dead"] for each in taken) == 20
        mine = [{each.id for each in await stores.outbox.unsent(owner, 50)} for owner in ("p8", "p9")]
        assert len(mine[0] | mine[1]) == 20
        assert not mine[0] & mine[1]


async def _queue(stores: Stores, messages: Sequence[OutboxRow]) -> None:
    await stores.inbox.commit(Commit([], (), messages))


def _due(late: Row, *, seconds: int) -> Row:
    return Row(**{name: getattr(late, name) for name in late.__slots__} | {"due": NOON + timedelta(seconds=seconds)})
