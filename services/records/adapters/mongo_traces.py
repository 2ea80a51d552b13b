"""Traces that are not known to be in the log yet, in MongoDB: {_id: event id, at}, pending ones with `event`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from bson.binary import Binary
from pymongo import ASCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.records.ports import Pending
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoTraces:
    """`TraceStore` on a collection from which every row goes within seconds, as long as audit works."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._traces = database["traces"]

    async def prepare(self) -> None:
        """Create the indexes that find the oldest, and the oldest pending one."""
        await self._traces.create_index([("at", ASCENDING)])
        pending = {"event": {"$exists": True}}
        await self._traces.create_index([("at", ASCENDING)], name="pending", partialFilterExpression=pending)

    def add(self, trace: str, at: datetime, unit: Unit) -> None:
        """See `TraceStore.add`."""
        unit.apply(partial(self._insert, {"_id": trace, "at": at}))

    async def keep(self, traces: Sequence[Pending]) -> None:
        """See `TraceStore.keep`: one insert, acknowledged by a majority and its journal."""
        rows = [{"_id": each.id, "at": each.at, "event": Binary(each.event)} for each in traces]
        await self._traces.insert_many(rows, ordered=False)

    async def pending(self, before: datetime, limit: int) -> Sequence[Pending]:
        """See `TraceStore.pending`: answered from the index of the pending ones, which is empty but for moments."""
        rows = self._traces.find({"event": {"$exists": True}, "at": {"$lt": before}}).sort("at", ASCENDING)
        found = await rows.hint("pending").limit(limit).to_list()
        return [Pending(row["_id"], row["at"], bytes(row["event"])) for row in found]

    def sent(self, traces: Collection[str], unit: Unit) -> None:
        """See `TraceStore.sent`."""
        if traces:
            unit.apply(partial(self._sent, list(traces)))

    def remove(self, traces: Collection[str], unit: Unit) -> None:
        """See `TraceStore.remove`."""
        if traces:
            unit.apply(partial(self._delete, list(traces)))

    async def oldest(self) -> datetime | None:
        """See `TraceStore.oldest`: answered from the index."""
        row = await self._traces.find_one({}, {"at": 1, "_id": 0}, sort=[("at", ASCENDING)])
        return None if row is None else row["at"]

    async def _insert(self, row: Document, session: AsyncClientSession) -> None:
        await self._traces.insert_one(row, session=session)

    async def _sent(self, ids: list[str], session: AsyncClientSession) -> None:
        waiting = {"_id": {"$in": ids}, "event": {"$exists": True}}
        result = await self._traces.update_many(waiting, {"$unset": {"event": ""}}, session=session)
        if result.matched_count != len(ids):
            raise RacedError

    async def _delete(self, ids: list[str], session: AsyncClientSession) -> None:
        await self._traces.delete_many({"_id": {"$in": ids}}, session=session)
