"""What was stated and not heard is missing once the queue has nothing more to give."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.messaging.ledger.arrivals import ArrivalCheck
from shared.messaging.ledger.findings import Finding, Kind
from shared.messaging.ledger.statements import Sent
from shared.messaging.topology import RECORDS_REIMBURSEMENTS, dead_queue
from tests.fakes.messaging import NOON

FLOW = RECORDS_REIMBURSEMENTS
SENT = Sent(FLOW.queue, "ingest", NOON)
MISSING = Finding(Kind.EVENT, FLOW.queue, 3, origin="ingest", slice=NOON)


class Desk:
    """Plays the service's collections and its broker."""

    def __init__(self) -> None:
        self.stated: dict[Sent, tuple[int, Any]] = {SENT: (10, NOON + timedelta(seconds=70))}
        self.heard_events: Counter[tuple[str, Any]] = Counter({("ingest", NOON): 7})
        self.waiting: dict[str, int | None] = {FLOW.queue: 0, dead_queue(FLOW): 0}
        self.in_hand: dict[str, int] = {}
        self.check = ArrivalCheck([FLOW], self, self, self.depths, self.held)  # type: ignore[arg-type]

    async def open(self) -> dict[Sent, tuple[int, Any]]:
        """See `Statements.open`."""
        return self.stated

    async def close(self, heard: Mapping[Sent, int]) -> None:
        """See `Statements.close`."""
        for sent in heard:
            del self.stated[sent]

    async def heard(self, _queue: str) -> Counter[tuple[str, Any]]:
        """See `Counted.heard`."""
        return self.heard_events

    async def depths(self, queues: Collection[str]) -> dict[str, int | None]:
        """See `AmqpPublisher.depths`."""
        return {queue: self.waiting[queue] for queue in queues}

    async def held(self) -> Mapping[str, int]:
        """See `MongoOutbox.held`."""
        return self.in_hand

    async def looks(self, count: int, *before: Finding) -> list[Finding]:
        """Look so often; return what the last look found."""
        found: list[Finding] = []
        for _ in range(count):
            found, _ = await self.check.look(before)
        return found


async def test_two_looks_at_an_empty_queue_name_it():
    """One look may come between the queue and the commit; the second in a row does not (rule 8)."""
    desk = Desk()
    assert await desk.looks(1) == []
    assert await desk.looks(1) == [MISSING]


@pytest.mark.parametrize(
    ("waiting", "in_hand"),
    [({FLOW.queue: 1}, {}), ({dead_queue(FLOW): 1}, {}), ({}, {FLOW.queue: 1})],
    ids=["queued", "given up by the broker", "in a worker's hands"],
)
async def test_what_is_on_its_way_is_not_missing(waiting: dict[str, int], in_hand: dict[str, int]):
    """While the queue, its dead queue or a worker still has messages, nothing is missing however long it takes."""
    desk = Desk()
    desk.waiting |= waiting
    desk.in_hand = in_hand
    assert await desk.looks(5) == []


async def test_a_number_that_grew_is_looked_at_anew():
    """What was stated a moment ago gets two looks of its own."""
    desk = Desk()
    await desk.looks(1)
    desk.stated[SENT] = (12, NOON + timedelta(seconds=90))
    assert await desk.looks(1) == []
    assert [each.missing for each in await desk.looks(1)] == [5]


async def test_later_events_overtake_it_under_load():
    """A queue that is never empty keeps its order: what was sent after the statement came, so this was lost."""
    desk = Desk()
    desk.waiting[FLOW.queue] = 1_000
    desk.heard_events["ingest", NOON + timedelta(minutes=3)] = 1
    assert await desk.looks(2) == [MISSING]


async def test_what_arrives_late_ends_the_finding():
    """A finding stands while it is true: heard in full, the statement is forgotten."""
    desk = Desk()
    found = await desk.looks(2)
    desk.heard_events["ingest", NOON] = 10
    assert await desk.looks(1, *found) == []
    assert desk.stated == {}


async def test_a_finding_outlives_the_look():
    """What stood before, of another process's looks, still stands while it is true."""
    assert await Desk().looks(1, MISSING) == [MISSING]


async def test_a_missing_queue_is_no_empty_queue():
    """Without the queue nothing can be said of arrivals; the queue itself is named."""
    desk = Desk()
    desk.waiting[FLOW.queue] = None
    assert await desk.looks(3) == [Finding(Kind.QUEUE, FLOW.queue, 1)]
