"""What ends its process is found, set aside unexecuted, and spares its neighbours (design §4, rule 6)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.messaging import retries
from shared.messaging.delivery import Delivery
from shared.messaging.failures import FencedError, OutageError
from shared.messaging.reading import unread
from shared.messaging.settling import Settler
from shared.messaging.starts import KILLER, Deaths
from shared.messaging.unit import State, Unit
from tests.unit.shared.messaging.shop import FLOW, SECRET, Shop, Thing, message, raw_message, thing, things


class KilledError(BaseException):
    """The process is no more."""


@pytest.fixture(autouse=True)
def look_at_once(naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a consumer look for what is due as often as it can."""
    monkeypatch.setattr(retries, "LOOK_EVERY_S", 0)


class Queue:
    """A broker's queue: what a process had in hand when it died is handed over again."""

    def __init__(self, *deliveries: Delivery) -> None:
        self.left = {n: replace(each, acknowledge=self._take(n)) for n, each in enumerate(deliveries)}

    async def life(self, shop: Shop, number: int) -> bool:
        """Let one process work until it dies, or nothing is left and nothing is due; tell whether it died."""
        shop.worker(f"p{number}")
        taker = shop.consumer()
        for delivery in list(self.left.values()):
            await taker.offer(delivery)
        task = asyncio.create_task(taker.run())
        async with asyncio.timeout(30):
            while not task.done() and (self.left or await shop.inbox.due(FLOW.queue, shop.clock.now(), 1)):  # noqa: ASYNC110
                await asyncio.sleep(0)
        died = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.left = {
            n: replace(each, redelivered=True, returns=(each.returns or 0) + 1) for n, each in self.left.items()
        }
        shop.starts.dead.add(f"p{number}")
        return died

    async def crashes(self, shop: Shop) -> int:
        """Start a process again and again until one lives."""
        for number in range(10):
            if not await self.life(shop, number):
                return number
        pytest.fail("it never ends")

    def _take(self, number: int) -> Any:
        async def acknowledge() -> None:
            del self.left[number]

        return acknowledge


def kill_at(*names: str) -> Any:
    """Return a decision that ends the process at these events."""

    def decide(event: Thing, _unit: Unit) -> None:
        if event.id in names:
            raise KilledError

    return decide


@pytest.mark.parametrize(("among", "deaths"), [(0, 3), (199, 4)])
async def test_killer_is_parked_and_neighbours_are_applied(shop: Shop, among: int, deaths: int):
    """A killer alone in its message ends three processes, among 199 others four; nobody else is parked."""
    shop.decide = kill_at("killer")
    queue = Queue(message([*things(among), thing(0, name="killer")]), message(things(50, 300)))

    assert await queue.crashes(shop) == deaths
    assert shop.inbox.states() == {State.DONE: among + 50, State.PARKED: 1}
    assert [row.reason for row in shop.inbox.rows.values() if row.state is State.PARKED] == [KILLER]
    assert set(shop.kept.values()) == {1}
    assert not queue.left
    assert not shop.starts.steps


async def test_two_killers_in_one_message(shop: Shop):
    """Each of two killers in one message is parked, and only they."""
    shop.decide = kill_at("one", "two")
    queue = Queue(message([thing(0, name="one"), *things(8), thing(0, name="two")]))

    assert await queue.crashes(shop) == 6
    assert shop.inbox.states() == {State.DONE: 8, State.PARKED: 2}


async def test_innocent_messages_come_again(shop: Shop):
    """After a broker's restart each message is taken whole, in a commit of its own: not event by event."""
    queue = Queue(*(message(things(100, 100 * n), redelivered=True) for n in range(5)))

    assert await queue.crashes(shop) == 0
    assert [len(batch) for batch in shop.batches] == [100] * 5
    assert not shop.starts.steps


async def test_killer_when_read(shop: Shop):
    """A body that ends whoever reads it is parked unread, and replayed through every check when that is mended."""
    admit = shop.subscription.admit
    deadly = True

    def read(document: Any, raw: bytes, delivery: Delivery) -> Thing:
        if deadly and document["id"] == "t3":
            raise KilledError
        return admit(document, raw, delivery)

    shop.subscription = replace(shop.subscription, admit=read)
    queue = Queue(message(things(5)), message(things(5, 10)))

    assert await queue.crashes(shop) == 4
    assert shop.inbox.states() == {State.DONE: 5, State.PARKED: 1}

    deadly = False
    (parked,) = (key for key, row in shop.inbox.rows.items() if row.state is State.PARKED)
    shop.inbox.replay(parked)
    assert not await Queue().life(shop, 10)
    assert shop.inbox.states() == {State.DONE: 11}
    assert shop.kept == {f"t{n}": 1 for n in [*range(5), *range(10, 15)]}


async def test_replayed_body_is_read_as_strictly(counter: Shop):
    """H 99: a message from outside that was parked unread is refused when it is replayed, as it would have been."""
    body = thing(1).to_json().replace(b'"n":1', b'"n":1,"n":2')
    await counter.consumer()._suspects.park(unread(counter.subscription, raw_message(body), SECRET))
    (parked,) = counter.inbox.rows
    counter.inbox.replay(parked)
    assert not await Queue().life(counter, 1)

    assert counter.inbox.states() == {State.DONE: 1, State.REFUSED: 1}
    assert len(counter.refusals) == 1


async def test_killer_in_a_retry(shop: Shop):
    """A waiting event that kills when it is retried ends three processes; those due with it are applied."""
    failing = True

    def decide(event: Thing, _unit: Unit) -> None:
        if failing:
            raise ZeroDivisionError
        if event.id == "t1":
            raise KilledError

    shop.decide = decide
    await shop.take_things(3)
    failing = False
    shop.clock.advance(seconds=2)

    assert await Queue().crashes(shop) == 3
    assert shop.inbox.states() == {State.DONE: 2, State.PARKED: 1}
    assert shop.kept == {"t0": 1, "t2": 1}


async def test_replayed_killer_is_tried_alone(shop: Shop):
    """H 99: a killer that is replayed is tried alone, with a fresh count, and parked again; or done, if mended."""
    shop.decide = kill_at("killer")
    await Queue(message([thing(0, name="killer")])).crashes(shop)
    (key,) = shop.inbox.rows
    shop.inbox.replay(key)
    assert await Queue(message(things(20, 100))).crashes(shop) == 2
    assert shop.inbox.rows[key].state is State.PARKED

    shop.decide = kill_at()
    shop.inbox.replay(key)
    assert await Queue().crashes(shop) == 0
    assert shop.inbox.rows[key].state is State.DONE
    assert shop.kept["killer"] == 1
    assert not shop.starts.claims


async def test_rows_in_living_hands_are_left_alone(shop: Shop):
    """What another living process retries is not retried beside it."""
    shop.decide = _fail
    await shop.take_things(3)
    shop.decide = kill_at()
    shop.clock.advance(seconds=2)
    keys = sorted(shop.inbox.rows)
    await shop.starts.of("other").claim(keys[:2])
    assert await shop.starts.of("p0").claim(keys) == {keys[2]: Deaths()}
    shop.starts.dead.add("other")
    assert await shop.starts.of("p0").claim(keys) == {keys[0]: Deaths(1), keys[1]: Deaths(1), keys[2]: Deaths()}


async def test_suspects_take_turns(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """While one flow's suspect is under way no other is begun: the one in hand is the one to blame."""
    under_way: list[str] = []
    monkeypatch.setattr("shared.messaging.suspects._TURN_S", 60)
    first, second = shop.consumer(), shop.consumer()
    second._suspects.turn = first._suspects.turn
    together = asyncio.Event()

    async def keep(events: Sequence[Thing], _unit: Unit) -> None:
        under_way.append(events[0].id)
        if len(under_way) == 1:
            await together.wait()

    shop.settler.subscription = replace(shop.subscription, handler=keep)
    tasks = [
        asyncio.create_task(each._suspects.settle(message([thing(n)], redelivered=True)))
        for n, each in enumerate((first, second))
    ]
    for _ in range(50):
        await asyncio.sleep(0)
    assert under_way == ["t0"]
    together.set()
    await asyncio.gather(*tasks)
    assert under_way == ["t0", "t1"]


def _fail(_event: Thing, _unit: Unit) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("died", [0, 1])
async def test_copies_in_several_hands_accuse_nobody(shop: Shop, died: int):
    """Copies of an innocent message that come again to workers at once are no deaths of one: it is applied (rule 6).

    ``died``: how many processes ended with it in hand before, of something else.
    """
    gate = asyncio.Event()

    async def wait(events: Sequence[Thing], unit: Unit) -> None:
        await gate.wait()
        await shop.keep(events, unit)

    shop.subscription = replace(shop.subscription, handler=wait)
    copy = message([thing(1)], redelivered=True, returns=1 + died)
    begun = f"{FLOW.queue}|{unread(shop.subscription, copy, SECRET).digest.hex()}"
    for number in range(died):
        await shop.starts.of("dead").begin(begun, "whole", f"death {number}")
    tasks = []
    for number in range(3):
        shop.worker(f"p{number}").inbox = shop.inbox.beside(f"p{number}")
        taker = shop.consumer()
        await taker.offer(copy)
        tasks.append(asyncio.create_task(taker.run()))
        await asyncio.sleep(0.05)
    gate.set()
    await asyncio.sleep(0.3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert shop.inbox.states() == {State.DONE: 1}
    assert shop.kept == {"t1": 1}


@pytest.mark.parametrize("end", [FencedError, OutageError])
async def test_who_says_why_it_ends_did_not_die_of_it(
    shop: Shop, end: type[Exception], monkeypatch: pytest.MonkeyPatch
):
    """A process that was overtaken, or gives back what it holds, leaves no beginning behind: it accuses nobody."""

    async def ended(_settler: Settler[Thing], _items: Sequence[Any]) -> None:
        raise end

    with monkeypatch.context() as patched:
        patched.setattr(Settler, "settle", ended)
        for number in range(3):
            shop.worker(f"p{number}")
            with pytest.raises(end):
                await shop.consumer()._suspects.settle(message([thing(1)], redelivered=True, returns=1 + number))
    assert not shop.starts.steps

    shop.worker("p9")
    await shop.consumer()._suspects.settle(message([thing(1)], redelivered=True, returns=4))
    assert shop.inbox.states() == {State.DONE: 1}
