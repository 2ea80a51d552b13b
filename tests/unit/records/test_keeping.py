"""Traces of reads: kept together before the answers, their messages sent once, whoever dies in between."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import pytest
from pymongo.errors import AutoReconnect

from services.records.handlers import keeping
from services.records.handlers.keeping import LANES, ORPHANED, Keeper
from services.records.ports import Pending
from shared.contracts.accesses import AccessTracedV1, AccessTracedV1Data
from shared.contracts.event import Event
from shared.messaging import gathering
from shared.messaging.gathering import OverloadedError
from shared.messaging.numbers import Numbers
from shared.messaging.unit import Unit
from tests.fakes.reads import InMemoryTraces
from tests.fakes.records import NOON, StoppedClock

T = TypeVar("T")


class Traces(InMemoryTraces):
    """Remembers each insert, and fails or waits when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.inserts: list[int] = []
        self.failure: Exception | None = None
        self.may_go = asyncio.Event()
        self.may_go.set()

    async def keep(self, traces: Sequence[Pending]) -> None:
        """Keep pending traces."""
        self.begun += 1
        await self.may_go.wait()
        if self.failure is not None:
            raise self.failure
        self.inserts.append(len(traces))
        await super().keep(traces)


class House:
    """The processes of records on one store; ``outbox`` holds what was committed for sending."""

    def __init__(self) -> None:
        self.traces, self.clock = Traces(), StoppedClock()
        self.outbox: list[Event] = []
        self.failure: Exception | None = None
        self.started = 0

    def process(self) -> Keeper:
        """Start another process."""
        self.started += 1
        return Keeper(self.traces, self.perform, self.clock, Numbers(f"records.host.{self.started}"))

    async def perform(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Commit an act, all or nothing."""
        unit = Unit()
        answer = await work(unit)
        if self.failure is not None:
            raise self.failure
        for effect in unit.effects:
            await effect(None)
        self.outbox += [each.event for each in unit.emitted]
        return answer


def numbered(event: AccessTracedV1, process: int, number: int) -> AccessTracedV1:
    """Return a trace as a process keeps it."""
    return event.model_copy(update={"producer": f"records.host.{process}/reads-0", "number": number})


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    """Give an empty house where nobody waits long."""
    monkeypatch.setattr(keeping, "SEND_EVERY_S", 0.0)
    monkeypatch.setattr(keeping, "SWEEP_EVERY_S", 0.0)
    return House()


def a_trace() -> AccessTracedV1:
    """Return the trace of a read."""
    data = AccessTracedV1Data(
        trace_id="7a" * 16, action="documents-listed", outcome="permitted", rule="holder", sealed="A" * 60
    )
    return AccessTracedV1.new(source="/records", time=NOON, subject="a" * 32, data=data)


async def test_readers_at_the_same_time_share_an_insert(house: House):
    """Rule 10: who comes at the same time shares an insert, and returns when it is durable."""
    process, events = house.process(), [a_trace() for _ in range(7)]

    await asyncio.gather(*(process.keep(event) for event in events))

    assert house.traces.inserts == [7]
    assert house.traces.rows.keys() == {event.id for event in events}
    assert not house.outbox


async def test_no_insert_no_answer(house: House):
    """I112: where the insert fails every reader who shares it is told, and no message follows."""
    house.traces.failure = AutoReconnect("away")
    process = house.process()

    ends = await asyncio.gather(*(process.keep(a_trace()) for _ in range(3)), return_exceptions=True)
    await process.send()

    assert [type(end) for end in ends] == [AutoReconnect] * 3
    assert not house.outbox


async def test_messages_follow(house: House):
    """F57: each trace that was kept is sent once, as it was kept, and is watched until it is in the log."""
    process, events = house.process(), [a_trace() for _ in range(450)]
    await asyncio.gather(*(process.keep(event) for event in events))

    await process.send()
    await process.send()

    assert house.outbox == [numbered(event, 1, number) for number, event in enumerate(events, start=1)]
    assert not house.traces.events
    assert len(house.traces.rows) == 450


async def test_what_comes_meanwhile_waits_for_the_next_time(house: House):
    """Rule 10: a trace that is kept while a transaction runs shares the next one; it gets none of its own."""
    first, late = a_trace(), a_trace()
    coming = [late]

    async def slowly(work: Callable[[Unit], Awaitable[T]]) -> T:
        if coming:
            await process.keep(coming.pop())
        return await house.perform(work)

    process = Keeper(house.traces, slowly, house.clock, Numbers("records.host.1"))
    await process.keep(first)

    await process.send()
    assert house.outbox == [numbered(first, 1, 1)]
    await process.send()
    assert house.outbox == [numbered(first, 1, 1), numbered(late, 1, 2)]


async def test_a_process_that_died(house: House):
    """F57: what a dead process kept and did not send, another one sends after five seconds, word for word, once."""
    event = a_trace()
    await house.process().keep(event)
    other = asyncio.create_task(house.process().run())

    await _turns()
    assert not house.outbox
    house.clock.instant += ORPHANED + timedelta(seconds=1)
    await _turns()
    other.cancel()

    assert house.outbox == [numbered(event, 1, 1)]
    assert not house.traces.events


async def test_two_who_send_the_same(house: House):
    """F57: a process that wakes after another one has sent its traces sends none of them again."""
    slow, event, late = house.process(), a_trace(), a_trace()
    await slow.keep(event)
    house.clock.instant += ORPHANED + timedelta(seconds=1)
    sweeper = asyncio.create_task(house.process().run())
    await _turns()

    await slow.keep(late)
    await slow.send()
    assert house.outbox == [numbered(event, 1, 1)]
    house.clock.instant += ORPHANED + timedelta(seconds=1)
    await _turns()
    sweeper.cancel()

    assert house.outbox == [numbered(event, 1, 1), numbered(late, 1, 2)]


async def test_the_outbox_is_away(house: House):
    """Rule 5: a commit that fails is tried again; a trace that was kept is not lost by it."""
    event, process = a_trace(), house.process()
    await process.keep(event)
    house.failure = AutoReconnect("away")
    running = asyncio.create_task(process.run())
    await _turns()
    await process.drain(1)
    assert not house.outbox

    house.failure = None
    await _turns()
    running.cancel()

    assert house.outbox == [numbered(event, 1, 1)]


async def test_a_bug_ends_the_process(house: House):
    """A fault of our own is not slept over: the process ends, and another one sends."""
    process = house.process()
    await process.keep(a_trace())
    house.failure = KeyError("bug")

    with pytest.raises(KeyError):
        await process.run()


async def test_who_hangs_up(house: House):
    """Rule 10: a reader who hangs up stops no insert; one who did so before it began is dropped."""
    process, events = house.process(), [a_trace() for _ in range(3)]
    house.traces.may_go.clear()
    first, second, third = [await _begun(process, event) for event in events]
    first.cancel()
    third.cancel()
    await _turns()

    house.traces.may_go.set()
    await second
    await _turns()

    assert house.traces.rows.keys() == {events[0].id, events[1].id}


async def test_two_inserts_at_a_time(house: House):
    """Rule 10: a reader does not wait for one insert to end; while two run, those who come share the next."""
    process = house.process()
    house.traces.may_go.clear()
    readers = [await _begun(process, a_trace()) for _ in range(5)]
    assert house.traces.begun == LANES == 2

    house.traces.may_go.set()
    await asyncio.gather(*readers)

    assert house.traces.inserts == [1, 1, 3]
    await process.keep(a_trace())  # whoever comes when all have ended is served like the first
    assert house.traces.inserts == [1, 1, 3, 1]


async def test_inserts_that_run_at_a_time_number_apart(house: House):
    """F57: two inserts at once have rows of their own, and none has a gap; after a doubt a row begins anew."""
    process = house.process()
    house.traces.may_go.clear()
    readers = [await _begun(process, a_trace()) for _ in range(5)]
    house.traces.may_go.set()
    await asyncio.gather(*readers)
    house.traces.failure = AutoReconnect("away")
    with pytest.raises(AutoReconnect):
        await process.keep(a_trace())
    house.traces.failure = None
    await process.keep(a_trace())
    await process.send()

    numbers: dict[str, list[int]] = {}
    for event in house.outbox:
        assert isinstance(event, AccessTracedV1)
        numbers.setdefault(event.producer or "", []).append(event.number or 0)
    assert len(numbers) == LANES + 1
    assert all(sorted(given) == list(range(1, len(given) + 1)) for given in numbers.values())
    assert sum(map(len, numbers.values())) == 6


async def test_too_many_wait(house: House, monkeypatch: pytest.MonkeyPatch):
    """Rule 10: the queue is bounded; whoever comes then is told at once."""
    monkeypatch.setattr(gathering, "WAITING", 2)
    process = house.process()
    waiting = [asyncio.create_task(process.keep(a_trace())) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(OverloadedError):
        await process.keep(a_trace())
    await asyncio.gather(*waiting)


async def _begun(process: Keeper, event: AccessTracedV1) -> asyncio.Task[None]:
    task = asyncio.create_task(process.keep(event))
    await _turns()
    return task


async def _turns() -> None:
    for _ in range(30):
        await asyncio.sleep(0)
