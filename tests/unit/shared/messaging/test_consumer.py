"""Deliveries become batches and are acknowledged after the commit (design §4, rules 2, 9 and 10)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from shared.messaging import consumer, retries
from shared.messaging.delivery import Delivery
from shared.messaging.failures import FencedError
from shared.messaging.store import Row
from shared.messaging.topology import Flow
from shared.messaging.unit import State
from tests.fakes.messaging import NOON
from tests.unit.shared.messaging.shop import FLOW, Shop, message, raw_message, thing, things


@pytest.fixture(autouse=True)
def look_at_once(naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a consumer look for what is due as often as it can."""
    monkeypatch.setattr(retries, "LOOK_EVERY_S", 0)


class Acks:
    """Records what was acknowledged, and what the inbox knew at that moment."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.done: list[tuple[str, int]] = []
        self.fault: BaseException | None = None

    def message(self, name: str, count: int, start: int = 0, **fields: Any) -> Delivery:
        """Return a delivery of that many events that is acknowledged here."""
        return message(things(count, start), acknowledge=self._take(name), **fields)

    def raw(self, name: str, body: bytes) -> Delivery:
        """Return a delivery of any bytes."""
        return raw_message(body, acknowledge=self._take(name))

    def _take(self, name: str) -> Any:
        async def acknowledge() -> None:
            self.done.append((name, len(self.shop.inbox.rows)))
            if self.fault is not None:
                raise self.fault

        return acknowledge


@asynccontextmanager
async def consuming(shop: Shop, *deliveries: Delivery) -> AsyncIterator[asyncio.Task[None]]:
    """Run a consumer that has these deliveries before it starts."""
    taker = shop.consumer()
    for delivery in deliveries:
        await taker.offer(delivery)
    task = asyncio.create_task(taker.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, FencedError):
            await task


async def until(condition: Any) -> None:
    """Let the consumer work until something holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)


async def test_acknowledges_after_the_commit(shop: Shop):
    """A message is acknowledged once, when each of its events has a row."""
    acks = Acks(shop)
    async with consuming(shop, acks.message("m", 5)):
        await until(lambda: acks.done)

    assert acks.done == [("m", 5)]


async def test_messages_share_a_commit(shop: Shop):
    """Messages that wait together are settled in one transaction (rule 10)."""
    acks = Acks(shop)
    async with consuming(shop, *(acks.message(f"m{n}", 1, n) for n in range(50))):
        await until(lambda: len(acks.done) == 50)

    assert len(shop.inbox.commits) == 1
    assert {rows for _, rows in acks.done} == {50}


async def test_large_message_in_small_commits(naps: list[float]):
    """A message larger than a flow's commit is acknowledged after the last of its commits (rules 2 and 9)."""
    shop = Shop(flow=Flow("shop", "thing.happened.v1", batch=20))
    acks = Acks(shop)
    async with consuming(shop, acks.message("large", 90), acks.message("small", 1, 90)):
        await until(lambda: len(acks.done) == 2)

    assert [len(commit.rows) for commit in shop.inbox.commits] == [20, 20, 20, 20, 10, 1]
    assert acks.done == [("large", 90), ("small", 91)]


async def test_culprit_does_not_hold_its_message(shop: Shop):
    """A message with a failing event is acknowledged: the event waits in the inbox, not in the queue (rule 2)."""
    acks = Acks(shop)

    def decide(event: Any, _unit: Any) -> None:
        if event.id == "t2":
            raise ZeroDivisionError

    shop.decide = decide
    async with consuming(shop, acks.message("m", 5)):
        await until(lambda: acks.done)

    assert acks.done == [("m", 5)]
    assert shop.inbox.states() == {State.DONE: 4, State.WAITING: 1}


async def test_unreadable_message_is_acknowledged(shop: Shop):
    """A message that cannot be read gets a row and is acknowledged: it never comes back to kill the consumer."""
    acks = Acks(shop)
    async with consuming(shop, acks.raw("bad", b"{"), acks.message("good", 1)):
        await until(lambda: len(acks.done) == 2)

    assert shop.inbox.states() == {State.PARKED: 1, State.DONE: 1}


async def test_lost_acknowledgement_is_harmless(shop: Shop):
    """An acknowledgement on a channel that is gone fails; the broker delivers again and the inbox knows."""
    acks = Acks(shop)
    acks.fault = RuntimeError("channel is gone")
    async with consuming(shop, acks.message("m", 3)):
        await until(lambda: acks.done)
    acks.fault = None
    async with consuming(shop, acks.message("again", 3, redelivered=True)):
        await until(lambda: len(acks.done) == 2)

    assert set(shop.kept.values()) == {1}
    assert shop.books == {"done": 3, "redelivered": 3}


async def test_nothing_acknowledged_during_an_outage(shop: Shop):
    """While the database is away nothing is acknowledged, and nothing is lost (rule 5)."""
    acks = Acks(shop)
    shop.inbox.faults.extend([("before", AutoReconnect())] * 10_000)
    async with consuming(shop, acks.message("m", 3)):
        await until(lambda: len(shop.inbox.faults) < 9_900)
        assert acks.done == []
        shop.inbox.faults.clear()
        await until(lambda: acks.done)

    assert shop.books == {"done": 3}


async def test_waiting_events_are_taken_up(shop: Shop):
    """An event that waits is tried again when it is due, without any message coming (rule 2)."""
    failing = {"now": True}

    def decide(_event: Any, _unit: Any) -> None:
        if failing["now"]:
            raise ZeroDivisionError

    shop.decide = decide
    await shop.take(message([thing(1)]))
    failing["now"] = False
    shop.clock.advance(seconds=2)
    async with consuming(shop):
        await until(lambda: shop.kept)

    assert shop.kept == {"t1": 1}


async def test_outage_while_looking_for_due(shop: Shop):
    """A database that is away when waiting events are looked for does not stop the consumer."""
    acks = Acks(shop)
    shop.inbox.faults.append(("seen", AutoReconnect()))
    async with consuming(shop) as task:
        await until(lambda: not shop.inbox.faults)
        assert not task.done()
    async with consuming(shop, acks.message("m", 1)):
        await until(lambda: acks.done)


async def test_fenced_consumer_ends(shop: Shop):
    """A process that lost its epoch stops consuming and acknowledges nothing (rule 13)."""
    acks = Acks(shop)
    shop.inbox.faults.append(("before", FencedError()))
    async with consuming(shop, acks.message("m", 3)) as task:
        with pytest.raises(FencedError):
            await task

    assert acks.done == []


async def test_tells_that_it_is_paused(shop: Shop):
    """A flow that is held by a systemic failure says so, by fingerprint (rule 5)."""
    taker = shop.consumer()
    assert taker.paused is None
    shop.settler.paused = "BugError@f:1"

    assert taker.paused == "BugError@f:1"


async def test_large_messages_are_taken_few_at_a_time(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """A batch is at most 200 events or 1 MiB (design §3): large messages do not fill the memory together."""
    acks = Acks(shop)
    large = [acks.message(str(n), 1, start=n) for n in range(6)]
    monkeypatch.setattr(consumer, "MAX_BYTES", 2 * len(large[0].body))
    async with consuming(shop, *large):
        await until(lambda: len(acks.done) == 6)

    assert [len(batch) for batch in shop.batches] == [2, 2, 2]


async def test_leaves_alone_what_comes_again(shop: Shop):
    """What a lost channel brought is neither handled nor acknowledged: the broker hands it over again (rule 12)."""
    acks = Acks(shop)
    lost = [acks.message(f"lost{n}", 5, 10 * n, gone=lambda: True, redelivered=n > 1) for n in range(1, 4)]
    async with consuming(shop, *lost, acks.message("m", 5)):
        await until(lambda: acks.done)

    assert [name for name, _ in acks.done] == ["m"]
    assert len(shop.inbox.rows) == 5


@pytest.mark.parametrize(
    ("newest", "due_for", "retried"),
    [
        pytest.param({}, 0, True, id="the active one, to whom something new came"),
        pytest.param(None, 59, False, id="a standby, to whom nothing came"),
        pytest.param({"redelivered": True}, 59, False, id="a standby that gets what was given up"),
        pytest.param({"gone": lambda: True}, 59, False, id="whose channel is closed"),
        pytest.param(None, 61, True, id="anybody, where nobody has taken it for a minute"),
    ],
)
async def test_retries_where_one_is_active(
    shop: Shop, newest: dict[str, Any] | None, due_for: int, retried: bool, monkeypatch: pytest.MonkeyPatch
):
    """A standby leaves what waits to whom the broker chose: it would fence who works (rule 13)."""
    monkeypatch.setattr(consumer, "_WAIT_S", 0.01)
    shop.subscription = replace(shop.subscription, flow=replace(shop.subscription.flow, single_active=True))
    shop.worker("p1")
    (item,) = shop.read(message([thing(9)]))
    shop.inbox.rows[item.key] = Row(
        item.key, item.digest, State.WAITING, FLOW.queue, item.wire_type, attempts=0, due=NOON, body=item.raw
    )
    shop.clock.advance(seconds=due_for)
    async with consuming(shop, *([] if newest is None else [message([thing(1)], **newest)])):
        await asyncio.sleep(0.1)

    assert (shop.inbox.rows[item.key].state is State.DONE) is retried
