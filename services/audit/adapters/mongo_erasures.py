"""What is destroyed of the log, in MongoDB.

- ``erasures``  {_id: record, until, entries}: written down and not done yet
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.audit.adapters.log_rows import Collections
from services.audit.domain.erasing import CLOSED, OPENED, Erasure
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit
from shared.mongo import Document, ensure_index

_AT_ONCE: Final = 1_000

_CLOSURES: Final = IndexModel([("at", ASCENDING)], partialFilterExpression={"type": CLOSED})


class MongoErasures:
    """The `Erasures`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._erasures = database["erasures"]
        self._marks = database["marks"]
        at = Collections.of(database)
        self._openings, self._leaves = at.openings, at.leaves

    async def prepare(self) -> None:
        """Create the index that finds closures."""
        await ensure_index(self._openings, _CLOSURES)

    async def about(self, record: str) -> Erasure | None:
        """See `Erasures.about`."""
        if await self._erasures.find_one({"_id": record}, {"_id": 1}):
            return None
        last: list[dict[str, Any]] = [
            {"$match": {"record": record}},
            {"$group": {"_id": None, "until": {"$max": "$_id"}, "entries": {"$sum": 1}}},
        ]
        found = await (await self._openings.aggregate(last)).to_list()
        return Erasure(record, found[0]["until"], found[0]["entries"]) if found else None

    async def closed(self, before: datetime, limit: int) -> Sequence[str]:
        """See `Erasures.closed`."""
        due: list[str] = []
        bound = {"type": CLOSED, "at": {"$lt": int(before.timestamp() * 1000)}}
        async for row in self._openings.find(bound, {"record": 1}).sort("at", ASCENDING):
            again = {"record": row.get("record"), "type": OPENED, "_id": {"$gt": row["_id"]}}
            if row.get("record") and await self._openings.find_one(again, {"_id": 1}) is None:
                due.append(row["record"])
            if len(due) == limit:
                break
        return list(dict.fromkeys(due))

    async def begun(self, limit: int) -> Sequence[Erasure]:
        """See `Erasures.begun`."""
        rows = await self._erasures.find().limit(limit).to_list()
        return [Erasure(row["_id"], row["until"], row["entries"]) for row in rows]

    def begin(self, erasure: Erasure, unit: Unit) -> None:
        """See `Erasures.begin`."""
        unit.apply(partial(_insert, self._erasures, erasure))

    async def unmark(self, erasure: Erasure) -> None:
        """See `Erasures.unmark`. Their numbers stay: they are nobody's, and a gap is a gap."""
        rows = self._openings.find({"record": erasure.record, "_id": {"$lte": erasure.until}}, {"_id": 1})
        places = [row["_id"] async for row in rows]
        for start in range(0, len(places), _AT_ONCE):
            part = {"_id": {"$in": places[start : start + _AT_ONCE]}}
            names = [row["event"] async for row in self._leaves.find(part, {"event": 1})]
            await self._marks.update_many({"_id": {"$in": names}}, {"$unset": {"record": "", "actor": ""}})

    def end(self, erasure: Erasure, unit: Unit) -> None:
        """See `Erasures.end`."""
        unit.apply(partial(_delete, self._erasures, erasure))


class MongoEraser:
    """The `Eraser`, on a connection of the user that may."""

    def __init__(self, openings: AsyncCollection[Document]) -> None:
        self._openings = openings

    async def destroy(self, erasure: Erasure) -> None:
        """See `Eraser.destroy`."""
        await self._openings.delete_many({"record": erasure.record, "_id": {"$lte": erasure.until}})


async def _insert(erasures: AsyncCollection[Document], erasure: Erasure, session: AsyncClientSession) -> None:
    row = {"_id": erasure.record, "until": erasure.until, "entries": erasure.entries}
    try:
        await erasures.insert_one(row, session=session)
    except DuplicateKeyError as error:
        raise RacedError from error


async def _delete(erasures: AsyncCollection[Document], erasure: Erasure, session: AsyncClientSession) -> None:
    await erasures.delete_one({"_id": erasure.record, "until": erasure.until}, session=session)
