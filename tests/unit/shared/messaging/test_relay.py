"""The outbox is sent: at least once, never twice at the same time, and nobody waits for it (rule 7)."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import pytest
from pymongo.errors import AutoReconnect

from shared.messaging import relay as relay_module
from shared.messaging.relay import Relay
from shared.messaging.store import OutboxRow
from tests.fakes.messaging import InMemoryOutbox, ManualClock, RecordingPublisher


class Rig:
    """A relay between a fake outbox and a fake broker."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.outbox = InMemoryOutbox(self.clock)
        self.publisher = RecordingPublisher()
        self.relay = Relay(self.outbox, self.publisher, "p1")

    def commit(self, count: int, *, owner: str = "p1", offer: bool = True, size: int = 2, name: str = "m") -> None:
        """Put rows into the outbox, as a commit does, and tell the relay."""
        rows = [OutboxRow(f"{name}{n}", owner, "events", "a.b.v1", b"x" * size, "", 1) for n in range(count)]
        self.outbox.insert(rows)
        if offer:
            self.relay.offer(rows)

    @property
    def unsent(self) -> int:
        """Return how many rows are not marked as sent."""
        return sum(not each.sent for each in self.outbox.rows.values())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the relay for a while."""
        task = asyncio.create_task(self.relay.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until_sent(self) -> None:
        """Let the relay work until nothing is unsent."""
        async with asyncio.timeout(30):
            while self.unsent:  # noqa: ASYNC110 - the relay tells nobody
                await asyncio.sleep(0)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Give a rig that gathers confirmations for no longer than a turn of the loop."""
    monkeypatch.setattr(relay_module, "_MARK_EVERY_S", 0)
    return Rig()


async def test_sends_what_is_offered(rig: Rig):
    """What a commit offers is published in its order and marked once it is confirmed."""
    async with rig.running():
        rig.commit(150)
        await rig.until_sent()

    assert rig.publisher.ids == [f"m{n}" for n in range(150)]


async def test_offer_never_blocks(rig: Rig):
    """An offer takes what it has room for, whatever the broker does; the rest is in the collection."""
    rig.publisher.open = asyncio.Event()
    rig.commit(5_000)
    assert len(rig.relay._hints) == 2_000
    rig.publisher.open.set()
    await rig.relay.drain(60)
    rig.clock.advance(seconds=6)
    await rig.relay._sweep()

    assert sorted(rig.publisher.ids) == sorted(rig.outbox.rows)


async def test_remembers_bounded_bytes(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """Large messages are remembered by their bytes: an outage does not fill the memory."""
    monkeypatch.setattr(relay_module, "_HINT_BYTES", 1_000)
    rig.commit(50, size=100)
    assert len(rig.relay._hints) == 10
    await rig.relay.drain(60)
    rig.commit(50, size=100, name="n")

    assert len(rig.relay._hints) == 10


async def test_unconfirmed_stays_unsent(rig: Rig):
    """What the broker did not confirm is not marked, whatever the failure was."""
    for fault in (ConnectionError(), TimeoutError(), RuntimeError(), asyncio.CancelledError()):
        rig.publisher.fault = fault
        rig.commit(3, name=type(fault).__name__)
        await rig.relay.drain(60)

    assert rig.publisher.sent == []
    assert rig.unsent == 12


async def test_reread_after_five_seconds(rig: Rig):
    """What was not confirmed is read again when it is over 5 s old, and sent under the same id."""
    rig.publisher.fault = ConnectionError()
    rig.commit(3)
    await rig.relay.drain(60)
    rig.publisher.fault = None
    await rig.relay._sweep()
    assert rig.publisher.sent == []
    rig.clock.advance(seconds=6)
    await rig.relay._sweep()

    assert rig.publisher.ids == ["m0", "m1", "m2"]
    assert rig.unsent == 0


async def test_recovers_in_one_sweep(rig: Rig):
    """After an outage everything goes out at the next sweep, not a page every 5 s; new rows do not hold it up."""
    rig.commit(1_000, offer=False)
    rig.clock.advance(seconds=6)
    rig.commit(10, name="new")
    await rig.relay._sweep()

    assert set(rig.publisher.ids) == {f"m{n}" for n in range(1_000)}
    assert rig.relay._hints


async def test_gives_up_while_the_broker_is_away(rig: Rig):
    """A sweep that achieves nothing ends: the next one comes in 5 s."""
    rig.commit(200, offer=False)
    rig.clock.advance(seconds=6)
    rig.publisher.fault = ConnectionError()
    await asyncio.wait_for(rig.relay._sweep(), 5)

    assert rig.unsent == 200


async def test_poison_message_holds_up_nobody(rig: Rig):
    """Messages that no queue takes stay unsent and do not keep the others from being sent."""
    rig.publisher.unroutable = {"nobody"}
    poison = [OutboxRow(f"bad{n}", "p1", "feedback", "nobody", b"{}", "", 1) for n in range(10)]
    rig.outbox.insert(poison)
    rig.commit(300, offer=False)
    rig.clock.advance(seconds=6)
    await rig.relay._sweep()

    assert rig.unsent == 10


@pytest.mark.parametrize("count", [64, 200, 1_500])
async def test_returned_messages_hold_up_nobody_behind_them(rig: Rig, count: int):
    """However many old messages no queue takes, what stands behind them is sent; they are tried again later."""
    rig.publisher.unroutable = {"nobody"}
    rig.outbox.insert([OutboxRow(f"bad{n}", "p1", "feedback", "nobody", b"{}", "", 1) for n in range(count)])
    rig.clock.advance(seconds=1)
    rig.commit(300, offer=False)
    rig.clock.advance(seconds=6)
    for _ in range(2):
        await rig.relay._sweep()
    assert len(rig.publisher.sent) == 300

    rig.publisher.unroutable.clear()
    for _ in range(3):
        await rig.relay._sweep()
    assert rig.unsent == 0


async def test_adopts_the_dead(rig: Rig):
    """Rows of a process that has been silent for 30 s are taken over and sent."""
    await rig.outbox.beat("dead")
    rig.commit(3, owner="dead", offer=False)
    rig.clock.advance(seconds=29)
    await rig.relay._sweep()
    assert rig.publisher.sent == []
    rig.clock.advance(seconds=2)
    await rig.relay._sweep()

    assert rig.publisher.ids == ["m0", "m1", "m2"]


async def test_tells_that_it_lives(rig: Rig):
    """Every sweep tells, and a long one tells between its pages."""
    rig.commit(200, offer=False)
    rig.clock.advance(seconds=6)
    beats: list[object] = []
    beat = rig.outbox.beat

    async def counting(owner: str) -> None:
        beats.append(owner)
        await beat(owner)

    rig.outbox.beat = counting  # type: ignore[method-assign]
    await rig.relay._sweep()

    assert len(beats) >= 4


async def test_never_in_flight_twice(rig: Rig):
    """A row that is being published is not published by the sweep as well."""
    rig.publisher.open = asyncio.Event()
    rig.commit(3)
    sending = asyncio.create_task(rig.relay.drain(60))
    while sum(rig.publisher.flying.values()) < 3:  # noqa: ASYNC110 - the fake tells nobody
        await asyncio.sleep(0)
    rig.clock.advance(seconds=60)
    await rig.relay._sweep()
    rig.publisher.open.set()
    await sending

    assert rig.publisher.overlaps == 0
    assert rig.publisher.ids == ["m0", "m1", "m2"]


async def test_marking_that_fails(rig: Rig):
    """A confirmation that could not be noted is sent again later, under the same id; the inbox makes it once."""
    rig.outbox.fault = AutoReconnect()
    rig.commit(2)
    await rig.relay.drain(60)
    rig.outbox.fault = None
    rig.clock.advance(seconds=6)
    await rig.relay._sweep()

    assert rig.publisher.ids == ["m0", "m1", "m0", "m1"]
    assert rig.unsent == 0


async def test_confirmations_are_noted_together(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """What is confirmed within a moment is noted in one write, and the next messages do not wait for it."""
    monkeypatch.setattr(relay_module, "_MARK_EVERY_S", 0.3)
    marks: list[int] = []
    mark = rig.outbox.mark_sent

    async def counting(ids: Collection[str]) -> None:
        marks.append(len(ids))
        await mark(ids)

    rig.outbox.mark_sent = counting  # type: ignore[method-assign]
    async with rig.running():
        rig.commit(150)
        await rig.until_sent()

    assert marks == [150]


async def test_the_drain_notes_what_was_confirmed(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """A confirmation that is not noted when the process is told to stop is noted by its last act."""
    monkeypatch.setattr(relay_module, "_MARK_EVERY_S", 60)
    async with rig.running():
        rig.commit(3)
        while not rig.relay._confirmed:  # noqa: ASYNC110 - the relay tells nobody
            await asyncio.sleep(0)
        assert rig.unsent == 3
    await rig.relay.drain(60)

    assert rig.unsent == 0
    assert rig.publisher.ids == ["m0", "m1", "m2"]


async def test_survives_a_database_outage(rig: Rig, naps: list[float]):
    """The relay waits for the database and goes on."""
    rig.outbox.fault = AutoReconnect()
    async with rig.running():
        while len(naps) < 5:  # noqa: ASYNC110 - instant sleeps are what is counted
            await asyncio.sleep(0)
        rig.outbox.fault = None
        rig.commit(2)
        await rig.until_sent()


async def test_a_bug_stops_the_process(rig: Rig, naps: list[float]):
    """An error that is no outage is not swallowed: the process stops and is started anew."""
    rig.outbox.fault = ZeroDivisionError()
    with pytest.raises(ExceptionGroup):
        await rig.relay.run()


async def test_cancelled_in_flight(rig: Rig):
    """What was in flight when a process is told to stop is sent by its last act, the drain."""
    rig.publisher.open = asyncio.Event()
    async with rig.running():
        rig.commit(3)
        while sum(rig.publisher.flying.values()) < 3:  # noqa: ASYNC110 - the fake tells nobody
            await asyncio.sleep(0)
    rig.publisher.open.set()
    await rig.relay.drain(60)

    assert sorted(rig.publisher.ids) == ["m0", "m1", "m2"]
    assert rig.unsent == 0


async def test_drain_ends(rig: Rig):
    """A drain does not wait for a broker that hangs: what is left stays in the collection."""
    rig.publisher.open = asyncio.Event()
    rig.commit(3)
    await rig.relay.drain(0.01)

    assert rig.unsent == 3
