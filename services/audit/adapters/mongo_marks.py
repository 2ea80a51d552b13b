"""Marks in MongoDB: {_id: name of the event, place, seen, actor?, record?, producer?, number?}.

``place`` orders them as they were recorded: milliseconds, and a number that tells those of one millisecond apart.
``seen`` is the database's own time, by which new ones are found whatever calendar a demonstration runs on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, Final

from bson.binary import Binary
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.log_rows import Collections, to_opening
from services.audit.domain.entries import Entry, Kept
from services.audit.domain.marks import Marked
from services.audit.domain.shown import Placed
from shared.messaging import instants
from shared.messaging.unit import Unit
from shared.mongo import Document, ensure_index
from verifier.leaves import parse_leaf

_WITHIN_BITS: Final = 20


class MongoMarks:
    """`MarkStore` and `MarkReader`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._marks = database["marks"]
        self._at = Collections.of(database)
        self._count = count()

    async def prepare(self) -> None:
        """Create the indexes: an actor's traces by place, and the newest of all."""
        named = {"actor": {"$exists": True}}
        of_actor = IndexModel([("actor", ASCENDING), ("place", DESCENDING)], partialFilterExpression=named)
        await ensure_index(self._marks, of_actor)
        numbered = {"producer": {"$exists": True}}
        await ensure_index(self._marks, IndexModel([("seen", ASCENDING)], partialFilterExpression=numbered))

    def add(self, marks: Sequence[Marked], at: datetime, unit: Unit) -> None:
        """See `MarkStore.add`."""
        seen = instants.now()
        rows = [self._row(mark, at, seen) for mark in marks]
        unit.apply(partial(self._insert, rows))

    async def of(
        self,
        actor: str,
        *,
        record: str | None,
        before: int | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[Placed]:
        """See `MarkReader.of`. Three finds: marks, then their entries, then the openings of those."""
        wanted: dict[str, Any] = {"actor": {"$eq": actor}}
        if record is not None:
            wanted["record"] = {"$eq": record}
        if since is not None:
            wanted["place"] = {"$gte": _place(since)}
        ends = [place for place in (before, None if until is None else _place(until)) if place is not None]
        if ends:
            wanted["place"] = {**wanted.get("place", {}), "$lt": min(ends)}
        marks = await self._marks.find(wanted).sort("place", DESCENDING).limit(limit).to_list()
        leaves = await self._at.leaves.find({"event": {"$in": [row["_id"] for row in marks]}}).to_list()
        found = await self._at.openings.find({"_id": {"$in": [row["_id"] for row in leaves]}}).to_list()
        openings = {row["_id"]: to_opening(row) for row in found}
        kept = {
            bytes(row["event"]): Kept(Entry(row["_id"], parse_leaf(bytes(row["leaf"]))), openings[row["_id"]])
            for row in leaves
            if row["_id"] in openings
        }
        return [Placed(row["place"], kept.get(bytes(row["_id"]))) for row in marks]

    def _row(self, marked: Marked, at: datetime, seen: datetime) -> Document:
        told = {"record": marked.record, **asdict(marked.mark)}
        place = _place(at) + next(self._count) % (1 << _WITHIN_BITS)
        return {
            "_id": Binary(marked.name),
            "place": place,
            "seen": seen,
            **{k: v for k, v in told.items() if v is not None},
        }

    async def _insert(self, rows: Sequence[Document], session: AsyncClientSession) -> None:
        """Insert them, but for those whose events were logged before: a duplicate would end the transaction."""
        new = [UpdateOne({"_id": row["_id"]}, {"$setOnInsert": _without_id(row)}, upsert=True) for row in rows]
        await self._marks.bulk_write(new, ordered=False, session=session)


def _place(at: datetime) -> int:
    return int(at.timestamp() * 1000) << _WITHIN_BITS


def _without_id(row: Mapping[str, Any]) -> Document:
    return {name: value for name, value in row.items() if name != "_id"}
