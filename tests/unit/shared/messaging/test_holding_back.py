"""A consumer that cannot work takes nothing, and in the end holds nothing (design §4, rule 12)."""

import asyncio

import pytest
from pymongo.errors import AutoReconnect

from shared.messaging import retries, settling
from shared.messaging.consumer import Consumer
from shared.messaging.unit import State
from tests.unit.shared.messaging.shop import Shop, Thing, message, things


@pytest.fixture(autouse=True)
def at_once(naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for time to pass."""
    monkeypatch.setattr(retries, "LOOK_EVERY_S", 0)
    monkeypatch.setattr(settling, "PROBE_EVERY_S", 0)
    monkeypatch.setattr("shared.messaging.consumer._WAIT_S", 0.001)


class Tap:
    """A broker that delivers what it has when it is asked to go on."""

    def __init__(self, shop: Shop, taker: Consumer[Thing]) -> None:
        self.shop = shop
        self.taker = taker
        self.acts: list[str] = []

    async def give_back(self) -> None:
        """See `shared.messaging.consumer.Tap`."""
        self.acts.append("given back")
        await self.taker.offer(message(things(1, 90)))  # this one came before the broker knew

    async def resume(self) -> None:
        """See `shared.messaging.consumer.Tap`."""
        self.acts.append("resumed")
        await self.taker.offer(message(things(3), redelivered=True))


async def until(condition: object) -> None:
    """Let the consumer work until something holds."""
    for _ in range(20_000):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.0001)
    pytest.fail("the consumer did not get there")


async def test_takes_nothing_while_too_much_is_unsent(shop: Shop):
    """While too much is unsent nothing is handled, and the worker says why; then all of it is."""
    taker = shop.consumer()
    shop.valve.high = True
    await taker.offer(message(things(3)))
    task = asyncio.create_task(taker.run())
    await until(lambda: taker.paused)
    assert taker.paused == "outbox-full"
    await asyncio.sleep(0.01)
    assert not shop.inbox.rows

    shop.valve.high = False
    await until(lambda: shop.kept)
    assert taker.paused is None
    taker.stop()
    await task


@pytest.mark.parametrize("cause", ["database", "pressure"])
async def test_gives_everything_back_once(shop: Shop, monkeypatch: pytest.MonkeyPatch, cause: str):
    """What lasts five minutes has the consumer return what it holds, once, and go on when it is over."""
    monkeypatch.setattr(settling, "OUTAGE_S", -1.0)
    taker = shop.consumer()
    tap = Tap(shop, taker)
    taker.taps = [tap]
    if cause == "database":
        shop.inbox.faults.append(("before", AutoReconnect()))
    shop.valve.high = cause == "pressure"
    await taker.offer(message(things(3)))
    task = asyncio.create_task(taker.run())
    await until(lambda: tap.acts)
    if cause == "pressure":
        assert taker.paused == "outage"
        shop.valve.high = False
    await until(lambda: shop.kept)
    taker.stop()
    await task

    assert tap.acts == ["given back", "resumed"]
    assert shop.kept == {f"t{n}": 1 for n in range(3)}, "what was returned is not settled here as well"
    assert shop.inbox.states() == {State.DONE: 3}
    assert taker.paused is None


async def test_stops_when_everything_held_is_settled(shop: Shop):
    """A consumer that is told to stop settles what it holds, suspects too, and ends by itself."""
    taker = shop.consumer()
    for n in range(5):
        await taker.offer(message(things(10, 10 * n), redelivered=n == 3))
    taker.stop()
    await asyncio.wait_for(taker.run(), 10)

    assert len(shop.kept) == 50
