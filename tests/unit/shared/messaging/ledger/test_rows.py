"""Rows that were counted and stand no more are found, the newest first, all of a week in turn."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from shared.messaging import instants
from shared.messaging.ledger import rows
from shared.messaging.ledger.counts import Counts, Route
from shared.messaging.ledger.findings import Finding, Kind
from shared.messaging.ledger.rows import HOUR, MINUTE, RowCheck, Span, spans_of
from tests.fakes.messaging import NOON

ROUTE = Route("events", "record.updated.v1")
QUEUE = "records.reimbursement.received.v1"


class Books:
    """Plays `Counted`: per minute, ten inbox rows and two messages, of which some may be gone."""

    def __init__(self, *minutes: datetime) -> None:
        self.minutes = minutes
        self.rows_gone: Counter[datetime] = Counter()
        self.messages_gone: Counter[datetime] = Counter()
        self.looked_at: list[datetime] = []

    async def slices(self, since: datetime) -> list[datetime]:
        """See `Counted.slices`."""
        return [minute for minute in self.minutes if minute >= since]

    async def counts(self, begin: datetime, length: timedelta) -> Counts:
        """See `Counted.counts`."""
        self.looked_at.append(begin)
        number = len(self._in(begin, length))
        return Counts(Counter({QUEUE: 10 * number}), Counter({ROUTE: 2 * number}))

    async def inbox_rows(self, begin: datetime, length: timedelta) -> int:
        """See `Counted.inbox_rows`."""
        return sum(10 - self.rows_gone[minute] for minute in self._in(begin, length))

    async def inbox_rows_by_queue(self, begin: datetime, length: timedelta) -> Counter[str]:
        """See `Counted.inbox_rows_by_queue`."""
        return Counter({QUEUE: await self.inbox_rows(begin, length)})

    async def outbox_rows(self, begin: datetime, length: timedelta) -> Counter[Route]:
        """See `Counted.outbox_rows`."""
        return Counter({ROUTE: sum(2 - self.messages_gone[minute] for minute in self._in(begin, length))})

    def _in(self, begin: datetime, length: timedelta) -> list[datetime]:
        return [minute for minute in self.minutes if begin <= minute < begin + length]


def check(books: Books) -> RowCheck:
    """Return the check of these books."""
    return RowCheck(books)  # type: ignore[arg-type]


def ago(**time: float) -> datetime:
    """Return a minute so long before this one."""
    return instants.minute_of(instants.now()) - timedelta(**time)


async def test_what_stands_is_no_finding():
    """As many rows as were counted, and nothing is said (rule 14)."""
    assert await check(Books(ago(), ago(days=3))).look([]) == ([], [])


async def test_a_removed_row_is_named_with_its_queue_and_minute():
    """One row of the inbox is missing, in the minute in which it was made."""
    books = Books(ago(), ago(minutes=20))
    books.rows_gone[ago(minutes=20)] = 1
    found, _ = await check(books).look([])
    assert found == [Finding(Kind.INBOX_ROW, QUEUE, 1, slice=ago(minutes=20))]


async def test_a_removed_message_is_named_with_its_route():
    """One message of the outbox is missing, in an hour of days ago."""
    books = Books(ago(days=3))
    books.messages_gone[ago(days=3)] = 1
    found, _ = await check(books).look([])
    hour = instants.hour_of(ago(days=3))
    assert found == [Finding(Kind.OUTBOX_ROW, "events/record.updated.v1", 1, slice=hour)]


async def test_what_was_missing_is_looked_at_again_each_time():
    """A finding ends with the first look that does not find it any more."""
    books = Books(ago(days=3))
    before = [Finding(Kind.OUTBOX_ROW, "events/record.updated.v1", 1, slice=ago(days=3))]
    assert await check(books).look(before) == ([], before)


async def test_the_week_is_gone_through_in_turn(monkeypatch: pytest.MonkeyPatch):
    """Where there is too much for one look, the next one goes on where it ended."""
    monkeypatch.setattr(rows, "_BUDGET_S", -1)
    old = [ago(days=days) for days in (3, 2, 1)]
    books = Books(*old, ago())
    turn = check(books)
    await turn.look([])
    assert books.looked_at == [ago()]
    monkeypatch.setattr(rows, "_BUDGET_S", 60)
    turn._after = instants.hour_of(old[0])
    books.looked_at.clear()
    await turn.look([])
    assert books.looked_at == [ago(), *(instants.hour_of(each) for each in (old[1], old[2], old[0]))]


def test_spans_are_minutes_and_then_hours():
    """Minutes stay minutes for two hours; before, they are compared by the hour."""
    spans = spans_of([NOON - timedelta(hours=5, minutes=1), NOON - timedelta(minutes=3), NOON], NOON)
    assert spans == [Span(NOON - 6 * HOUR, HOUR), Span(NOON - 3 * MINUTE, MINUTE), Span(NOON, MINUTE)]
