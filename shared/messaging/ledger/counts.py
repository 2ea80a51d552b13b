"""What the books and the collections of one service say: the two sides that the ledger compares."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging import instants
from shared.mongo import Document

HOURS: Final = "hours"
"""Stands for the process in a row of the books that sums an hour."""

_QUEUE: Final = {"$arrayElemAt": [{"$split": ["$_id", "|"]}, 0]}
"""An inbox key begins with the name of its queue."""


class Route(NamedTuple):
    """How a message leaves: exchange and routing key."""

    exchange: str
    key: str


@dataclass(slots=True)
class Counts:
    """What commits counted in a span of time."""

    rows: Counter[str] = field(default_factory=Counter)
    """New inbox rows, by queue."""
    made: Counter[Route] = field(default_factory=Counter)
    """Messages."""

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of the books."""
        if "rows" in row:
            self.rows[row["_id"]["queue"]] += row["rows"]
        self.made.update(dict(routes(row.get("made", {}))))


class Counted:
    """Reads the books and counts what stands."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._books = database["books"]
        self._inbox = database["inbox"]
        self._outbox = database["outbox"]

    async def slices(self, since: datetime) -> list[datetime]:
        """Return the minutes, or the hours where they are summed, in which anything was counted."""
        found: list[datetime] = await self._books.distinct("_id.slice", {"_id.slice": {"$gte": since}})
        return sorted(found)

    async def counts(self, begin: datetime, length: timedelta) -> Counts:
        """Return what commits counted in a span."""
        total = Counts()
        fields = {"rows": 1, "made": 1}
        async for row in self._books.find({"_id.slice": {"$gte": begin, "$lt": begin + length}}, fields):
            total.add(row)
        return total

    async def emitted(self, since: datetime) -> Counter[tuple[datetime, Route]]:
        """Return how many events were emitted, by minute; the route's key is the event's type."""
        total: Counter[tuple[datetime, Route]] = Counter()
        since = instants.minute_of(since)
        async for row in self._books.find({"_id.slice": {"$gte": since}, "emitted": {"$exists": True}}, {"emitted": 1}):
            for route, count in routes(row["emitted"]):
                total[row["_id"]["slice"], route] += count
        return total

    async def heard(self, queue: str) -> Counter[tuple[str, datetime]]:
        """Return how many events arrived in a queue, by publishing service and minute of publication."""
        total: Counter[tuple[str, datetime]] = Counter()
        rows = self._books.find({"_id.queue": queue, "heard": {"$exists": True}}, {"heard": 1})
        async for row in rows:
            for service, minutes in row["heard"].items():
                for minute, count in minutes.items():
                    total[service, instants.minute_named(minute)] += count
        return total

    async def inbox_rows(self, begin: datetime, length: timedelta) -> int:
        """Return how many inbox rows stand that were made in a span."""
        return await self._inbox.count_documents(_made(begin, length, "at"))

    async def inbox_rows_by_queue(self, begin: datetime, length: timedelta) -> Counter[str]:
        """Return the same by queue, for which every row has to be looked at."""
        stages = [{"$match": _made(begin, length, "at")}, {"$group": {"_id": _QUEUE, "count": {"$sum": 1}}}]
        return Counter({row["_id"]: row["count"] async for row in await self._inbox.aggregate(stages)})

    async def outbox_rows(self, begin: datetime, length: timedelta) -> Counter[Route]:
        """Return how many messages stand that were made in a span."""
        group = {"_id": {"exchange": "$exchange", "key": "$key"}, "count": {"$sum": 1}}
        stages = [{"$match": _made(begin, length, "created")}, {"$group": group}]
        return Counter({Route(**row["_id"]): row["count"] async for row in await self._outbox.aggregate(stages)})

    async def unsent(self) -> Counter[tuple[datetime, Route]]:
        """Return how many events have not been sent, by minute."""
        minute = {"$dateTrunc": {"date": "$created", "unit": "minute"}}
        group = {"_id": {"minute": minute, "exchange": "$exchange", "key": "$key"}, "events": {"$sum": "$count"}}
        total: Counter[tuple[datetime, Route]] = Counter()
        async for row in await self._outbox.aggregate([{"$match": {"unsent": True}}, {"$group": group}]):
            named = row["_id"]
            total[named["minute"], Route(named["exchange"], named["key"])] += row["events"]
        return total


def routes(tree: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Route, int]]:
    """Yield nested counts by exchange and key: ``{"events": {"a": {"v1": 2}}}`` is ``("events", "a.v1"): 2``."""
    for exchange, keys in tree.items():
        for key, count in leaves(keys):
            yield Route(exchange, key), count


def leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield nested counts by dotted names: a dot in a name makes a document of it."""
    for name, value in tree.items():
        if isinstance(value, dict):
            for rest, count in leaves(value):
                yield f"{name}.{rest}", count
        else:
            yield name, value


def by_minute(counts: Mapping[tuple[datetime, Route], int]) -> dict[tuple[datetime, str], dict[str, int]]:
    """Return counts of events by minute and exchange, then type."""
    grouped: dict[tuple[datetime, str], dict[str, int]] = defaultdict(dict)
    for (minute, route), count in counts.items():
        grouped[minute, route.exchange][route.key] = count
    return grouped


def _made(begin: datetime, length: timedelta, field_name: str) -> Document:
    return {field_name: {"$gte": begin, "$lt": begin + length}}
