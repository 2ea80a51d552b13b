"""The log in MongoDB, as everybody but its sequencer reads it."""

from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.log_rows import Collections, to_head, to_opening
from services.audit.domain.entries import Head, Opening
from shared.mongo import Document


class MongoLogReader:
    """The `LogReader`: it takes nothing over."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._at = Collections.of(database)

    async def head(self) -> Head:
        """See `LogReader.head`."""
        return to_head(await self._at.head.find_one({"_id": "head"}))

    async def leaves(self, start: int, limit: int) -> list[tuple[int, bytes]]:
        """See `LogReader.leaves`."""
        rows = await self._at.leaves.find({"_id": {"$gte": start}}).sort("_id", 1).limit(limit).to_list()
        return [(row["_id"], bytes(row["leaf"])) for row in rows]

    async def openings(self, start: int, limit: int) -> dict[int, Opening]:
        """See `LogReader.openings`."""
        rows = await self._at.openings.find({"_id": {"$gte": start, "$lt": start + limit}}).to_list()
        return {row["_id"]: to_opening(row) for row in rows}
