"""What waits is looked for once for all flows of a process (rule 2)."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import AutoReconnect

from shared.messaging import due as due_module
from shared.messaging.due import DueLooks
from shared.messaging.store import Held
from tests.fakes.messaging import ManualClock

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROW = Held("a", b"digest", 1, "a.b.v1", None, b"sealed")


class Inbox:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.waiting: dict[str, Sequence[Held]] = {}
        self.looks = 0
        self.looked_at: datetime | None = None
        self.asked: list[str] = []
        self.fault: Exception | None = None

    async def queues_due(self, queues: Collection[str], now: datetime) -> set[str]:
        """See `Inbox.queues_due`."""
        self.looks += 1
        self.looked_at = now
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return self.waiting.keys() & set(queues)

    async def due(self, queue: str, _now: datetime, _limit: int) -> Sequence[Held]:
        """See `Inbox.due`."""
        self.asked.append(queue)
        return self.waiting[queue]


@pytest.fixture
def inbox() -> Inbox:
    """Give an inbox where nothing waits."""
    return Inbox()


@pytest.fixture
def looks(inbox: Inbox) -> DueLooks:
    """Give the looks of two flows."""
    return DueLooks(inbox, ["one", "two"], ManualClock())  # type: ignore[arg-type]


async def test_who_asks_for_the_overdue_hides_nothing(inbox: Inbox, looks: DueLooks):
    """A flow that leaves what is due to another process for a minute does not make its neighbours wait as long."""
    await looks.due("one", ManualClock().now() - timedelta(minutes=1), 10)

    assert inbox.looked_at == ManualClock().now()


async def test_flows_share_a_look(inbox: Inbox, looks: DueLooks):
    """Nothing waits: the flows of a process ask once together, and none asks for its own rows."""
    found = await asyncio.gather(looks.due("one", NOON, 10), looks.due("two", NOON, 10))

    assert [list(each) for each in found] == [[], []]
    assert (inbox.looks, inbox.asked) == (1, [])


async def test_only_a_flow_that_has_rows_asks(inbox: Inbox, looks: DueLooks):
    """Where a row is due, its flow gets it; the others ask for nothing."""
    inbox.waiting = {"two": [ROW]}

    assert list(await looks.due("one", NOON, 10)) == []
    assert list(await looks.due("two", NOON, 10)) == [ROW]
    assert inbox.asked == ["two"]


async def test_a_look_does_not_serve_for_long(inbox: Inbox, looks: DueLooks, monkeypatch: pytest.MonkeyPatch):
    """What becomes due is found at the next look, and a look that failed is not the last one."""
    monkeypatch.setattr(due_module, "_FRESH_S", 0)
    assert list(await looks.due("one", NOON, 10)) == []
    inbox.fault = AutoReconnect()
    with pytest.raises(AutoReconnect):
        await looks.due("one", NOON, 10)
    inbox.fault, inbox.waiting = None, {"one": [ROW]}

    assert list(await looks.due("one", NOON, 10)) == [ROW]


async def test_a_flow_that_stops_takes_nothing_from_the_others(inbox: Inbox, looks: DueLooks):
    """A consumer that is cancelled while it waits for a look leaves the look to the others."""
    inbox.waiting = {"two": [ROW]}
    first = asyncio.create_task(looks.due("one", NOON, 10))
    second = asyncio.create_task(looks.due("two", NOON, 10))
    await asyncio.sleep(0)
    first.cancel()

    assert list(await second) == [ROW]
