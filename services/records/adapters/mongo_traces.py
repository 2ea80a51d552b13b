"""Traces that are not known to be in the log yet, in MongoDB: {_id: event id, at}."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from pymongo import ASCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.coalescing import Insertion
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoTraces:
    """`TraceStore` on a collection from which every row goes within seconds, as long as audit works."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._traces = database["traces"]

    async def prepare(self) -> None:
        """Create the index that finds the oldest."""
        await self._traces.create_index([("at", ASCENDING)])

    def add(self, trace: str, at: datetime, unit: Unit) -> None:
        """See `TraceStore.add`: those of one shared commit are inserted in one call."""
        unit.apply(Insertion(self._traces, [{"_id": trace, "at": at}]))

    def remove(self, traces: Collection[str], unit: Unit) -> None:
        """See `TraceStore.remove`."""
        if traces:
            unit.apply(partial(self._delete, list(traces)))

    async def oldest(self) -> datetime | None:
        """See `TraceStore.oldest`: answered from the index."""
        row = await self._traces.find_one({}, {"at": 1, "_id": 0}, sort=[("at", ASCENDING)])
        return None if row is None else row["at"]

    async def _delete(self, ids: list[str], session: AsyncClientSession) -> None:
        await self._traces.delete_many({"_id": {"$in": ids}}, session=session)
