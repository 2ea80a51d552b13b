"""Whatever happens, in whatever order: each event one effect, and the books balance (rules 1, 2, 5 and 14)."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pymongo.errors import AutoReconnect
from structlog.testing import capture_logs

from shared.messaging import settling
from shared.messaging.delivery import Delivery
from shared.messaging.failures import RacedError
from shared.messaging.rows import KEPT
from shared.messaging.unit import State, Unit
from tests.unit.shared.messaging.shop import Shop, Thing, message, thing

NUMBERS = st.integers(min_value=0, max_value=11)
ENDS = ("done", "ignored.line-known", "refused.amount-negative", "refused.id-reuse")


class CrashError(BaseException):
    """The process is killed: nothing catches this."""


class HandlerBugError(Exception):
    """A handler's bug."""


class Life(RuleBasedStateMachine):
    """A queue, a worker that may be killed, an operator, and a ledger of what was published."""

    @initialize()
    def open(self) -> None:
        """Begin with nothing."""
        self.loop = asyncio.Runner()
        self.shop = Shop()
        self.shop.decide = self.decide
        self.queue: list[tuple[list[Thing], bool]] = []
        """Messages at the broker, and whether they were handed over before."""
        self.published: set[tuple[str, int]] = set()
        """Each event that was published, by id and content."""
        self.broken: set[int] = set()

    def decide(self, event: Thing, unit: Unit) -> bool | None:
        """Some events are ignored, refused or waited for by the rules; some meet a bug as long as there is one."""
        kind = event.data.n % 6
        if event.data.n in self.broken:
            raise HandlerBugError
        if kind == 3:
            unit.ignore(event, "line-known")
        elif kind == 4:
            unit.refuse(event, "amount-negative")
        elif kind == 5 and self.broken:
            unit.wait(event, "account-unknown", last=State.QUARANTINED)
        else:
            return None
        return True

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=8))
    def publish(self, numbers: list[int]) -> None:
        """A message with several events, some of them perhaps published before, or twice in it."""
        self._publish([thing(n) for n in numbers])

    @rule(number=NUMBERS, other=NUMBERS)
    def publish_under_a_used_id(self, number: int, other: int) -> None:
        """A message whose event has another's id."""
        self._publish([thing(other, name=f"t{number}")])

    @rule(numbers=st.sets(NUMBERS, max_size=3))
    def bugs_come_and_go(self, numbers: set[int]) -> None:
        """From now on these events meet a bug, and no others do."""
        self.broken = numbers

    @precondition(lambda self: self.queue)
    @rule(messages=st.integers(min_value=1, max_value=3))
    def work(self, messages: int) -> None:
        """A worker takes messages and acknowledges them."""
        self._settle(messages)

    @precondition(lambda self: self.queue)
    @rule(messages=st.integers(min_value=1, max_value=3), when=st.sampled_from(["before", "after"]))
    def work_and_be_killed(self, messages: int, when: Any) -> None:
        """A worker is killed before or after a commit and acknowledges nothing; another takes its place."""
        self.shop.inbox.faults.append((when, CrashError()))
        self._settle(messages)

    @precondition(lambda self: self.queue)
    @rule(
        faults=st.lists(
            st.sampled_from(
                [
                    ("before", AutoReconnect("gone")),
                    ("after", AutoReconnect("fate unknown")),
                    ("seen", AutoReconnect("gone")),
                    ("before", RacedError()),
                ]
            ),
            max_size=6,
        )
    )
    def work_through_an_outage(self, faults: list[Any]) -> None:
        """The database comes and goes while a worker works; some commits take effect and say they did not."""
        self.shop.inbox.faults.extend(faults)
        self._settle(2)

    @precondition(lambda self: self.queue)
    @rule()
    def two_workers_at_once(self) -> None:
        """Two workers take a message each, at the same time."""
        one, other = self.shop.settler, self.shop.worker("p2")
        taken, self.queue = self.queue[:2], self.queue[2:]
        works = [
            self.shop.take(_delivery(*each), settler=worker) for each, worker in zip(taken, (one, other), strict=False)
        ]
        self.loop.run(_together(works))

    @rule(seconds=st.sampled_from([1, 10, 60, 600]), killed=st.booleans())
    def time_passes(self, seconds: int, killed: bool) -> None:
        """What is due is tried again, perhaps by a worker that is killed after the commit."""
        if killed:
            self.shop.inbox.faults.append(("after", CrashError()))
        self._or_die(self.shop.retry(seconds=seconds))

    @rule()
    def operator_replays(self) -> None:
        """An operator makes everything due that is held."""
        for key, row in list(self.shop.inbox.rows.items()):
            if row.state in KEPT:
                self.shop.inbox.replay(key)

    @invariant()
    def effects_are_exactly_once(self) -> None:
        """An event took effect once if its row says done, and never otherwise."""
        done = {key.rpartition("|")[2] for key, row in self.shop.inbox.rows.items() if row.state is State.DONE}
        assert {name.partition("#")[0] for name in done} >= set(self.shop.kept)
        expected = Counter(name.partition("#")[0] for name in done)
        assert Counter(self.shop.kept) == expected

    @invariant()
    def the_law_holds(self) -> None:
        """Published = done + ignored + refused + held + queued, each event once, whoever is killed with what in hand.

        Copies are in no sum: of one that comes back after a kill nobody can tell whether it had been counted.
        """
        books = self.shop.books
        assert set(books) <= {*ENDS, "duplicate", "redelivered"}
        held = sum(count for state, count in self.shop.inbox.states().items() if state in KEPT)
        accounted = sum(books[end] for end in ENDS) + held
        queued = {(event.id, event.data.n) for events, _ in self.queue for event in events}
        assert len(self.published - queued) <= accounted <= len(self.published)

    @invariant()
    def the_rows_agree_with_the_books(self) -> None:
        """Each end in the books has its row, and there are as many rows and messages as were counted."""
        counted = self.shop.inbox.books.get(self.shop.subscription.flow.queue, Counter())
        assert counted["rows"] == len(self.shop.inbox.rows)
        made = sum(count for name, count in counted.items() if name.startswith("made."))
        assert made == len(self.shop.outbox.rows)
        states = self.shop.inbox.states()
        books = self.shop.books
        assert states[State.DONE] == books["done"]
        assert states[State.IGNORED] == books["ignored.line-known"]
        assert states[State.REFUSED] == books["refused.amount-negative"] + books["refused.id-reuse"]

    @invariant()
    def what_was_done_was_told(self) -> None:
        """Every effect left one event in the outbox, in the commit that made it."""
        assert sum(each.row.count for each in self.shop.outbox.rows.values()) == sum(self.shop.kept.values())

    def teardown(self) -> None:
        """Once every bug is mended and everything was tried again, nothing is held."""
        self.broken = set()
        while self.queue:
            self._settle(3)
        self.operator_replays()
        self.loop.run(self.shop.retry(hours=1))
        self.the_law_holds()
        self.effects_are_exactly_once()
        assert not [row for row in self.shop.inbox.rows.values() if row.state is State.WAITING]
        self.loop.close()

    def _publish(self, events: list[Thing]) -> None:
        self.published.update((event.id, event.data.n) for event in events)
        self.queue.append((events, False))

    def _settle(self, messages: int) -> None:
        taken, rest = self.queue[:messages], self.queue[messages:]
        if self._or_die(self.shop.take(*(_delivery(*each) for each in taken))):
            self.queue = rest
        else:
            self.queue = [(events, True) for events, _ in taken] + rest

    def _or_die(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Let a worker work; if it is killed another one starts, with nothing of its memory. Tell if it lived."""
        try:
            self.loop.run(work)
        except CrashError:
            self.shop.worker("p1")
            return False
        finally:
            self.shop.inbox.faults.clear()
        return True


def _delivery(events: list[Thing], redelivered: bool) -> Delivery:
    return message(events, redelivered=redelivered)


async def _together(works: list[Coroutine[Any, Any, Any]]) -> None:
    await asyncio.gather(*works)


@pytest.fixture(scope="module", autouse=True)
def instant() -> Any:
    """Make every pause of a worker instant; hypothesis wants a fixture that lasts."""
    with pytest.MonkeyPatch.context() as patch, capture_logs():
        patch.setattr(settling, "_BACKOFF_S", (0.0,))
        yield


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=80, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
