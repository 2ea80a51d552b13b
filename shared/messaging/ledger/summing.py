"""Minutes of the books summed to hours, and hours past a week to a total: their number is bounded by time."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pymongo import DeleteOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging import instants
from shared.messaging.acts import Perform
from shared.messaging.ledger.counts import HOURS, leaves
from shared.messaging.ledger.rows import HOUR, KEPT, SUMMED_AFTER
from shared.messaging.unit import Unit
from shared.mongo import Document

TOTAL: Final = "total"
"""Stands for the process in a row of the books that sums all that is older than a week."""

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARED: Final = ("rows", "heard", "made")
"""What nobody compares any more after a week."""

_AT_ONCE: Final = 500
"""Rows that one commit sums."""


class Summing:
    """Sums the books of one service."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._books = database["books"]

    async def sum_up(self, perform: Perform, settled: datetime) -> None:
        """Sum what is old enough and stated for good (before ``settled``)."""
        now = instants.now()
        minutes_before = min(instants.hour_of(now - SUMMED_AFTER), instants.hour_of(settled))
        await self._sum(perform, {"_id.slice": {"$lt": minutes_before}, "_id.process": {"$nin": [HOURS, TOTAL]}}, HOURS)
        forgotten = {"_id.slice": {"$lt": now - KEPT - HOUR}}
        await self._sum(perform, {**forgotten, "_id.process": HOURS}, TOTAL)
        await self._books.delete_many({**forgotten, "summed": True})

    async def _sum(self, perform: Perform, query: Document, into: str) -> None:
        # A process asks its latest row what became of a commit, however long it was frozen: that row stays, emptied.
        query = query | {"$or": [{"last": {"$exists": False}}, {"summed": {"$ne": True}}]}
        while rows := await self._books.find(query).limit(_AT_ONCE).to_list():
            await perform(partial(self._act, rows=rows, into=into))

    async def _act(self, unit: Unit, *, rows: Sequence[Document], into: str) -> None:
        unit.apply(partial(self._write, rows, into))

    async def _write(self, rows: Sequence[Document], into: str, session: Any) -> None:
        newest = await self._newest(rows, session)
        changes: list[UpdateOne | DeleteOne] = []
        sums: dict[tuple[str, datetime], Counter[str]] = defaultdict(Counter)
        for row in rows:
            named = row["_id"]
            begin = instants.hour_of(named["slice"]) if into == HOURS else _BEGINNING
            dropped = ("_id", "last", "summed") + (_COMPARED if into == TOTAL else ())
            counts = {name: value for name, value in row.items() if name not in dropped}
            sums[named["queue"], begin].update(dict(leaves(counts)))
            if "last" in row and newest[named["queue"], named["process"]] == named["slice"]:
                emptied = {"$unset": dict.fromkeys(counts, ""), "$set": {"summed": True}}
                changes.append(UpdateOne({"_id": named}, emptied if counts else {"$set": {"summed": True}}))
            else:
                changes.append(DeleteOne({"_id": named}))
        for (queue, begin), counts in sums.items():
            if counts:
                book = {"queue": queue, "process": into, "slice": begin}
                changes.append(UpdateOne({"_id": book}, {"$inc": dict(counts)}, upsert=True))
        await self._books.bulk_write(changes, ordered=False, session=session)

    async def _newest(self, rows: Sequence[Document], session: Any) -> dict[tuple[str, str], datetime]:
        """Return the latest row of every process concerned, by queue and process."""
        processes = sorted({row["_id"]["process"] for row in rows})
        group = {"_id": {"queue": "$_id.queue", "process": "$_id.process"}, "newest": {"$max": "$_id.slice"}}
        recent = {"_id.process": {"$in": processes}, "last": {"$exists": True}}
        stages: list[Document] = [{"$match": recent}, {"$group": group}]
        found = await self._books.aggregate(stages, session=session)
        return {(row["_id"]["queue"], row["_id"]["process"]): row["newest"] async for row in found}
