"""The sender's side of the outbox on MongoDB: what is unsent, whose it is, and who is alive."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.store import OutboxRow, Place
from shared.mongo import Document

REREAD_AFTER_MS: Final = 5_000
"""An own row unsent for this long is sent again: the process's memory of it may be wrong (rule 7)."""

SILENT_AFTER_MS: Final = 30_000
"""A process that has not told it lives for this long loses its unsent rows to another (rule 7)."""

KEPT_FOR_S: Final = 7 * 24 * 3600
"""Sent rows stay a week, for the ledger to resend from (rule 8)."""


class MongoOutbox:
    """Reads and marks outbox rows; all ages are reckoned by the server's clock."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._rows = database["outbox"]
        self._processes = database["processes"]

    async def prepare(self) -> None:
        """Create the indexes: unsent rows by owner, sent rows by age, all by when they were made, old processes."""
        await self._rows.create_index(
            [("owner", ASCENDING), ("created", ASCENDING), ("_id", ASCENDING)],
            partialFilterExpression={"unsent": True},
        )
        await self._rows.create_index("sent", expireAfterSeconds=KEPT_FOR_S)
        await self._rows.create_index("created")
        await self._processes.create_index("beat", expireAfterSeconds=KEPT_FOR_S)

    async def mark_sent(self, ids: Collection[str]) -> None:
        """See `Outbox.mark_sent`."""
        marked = {"$currentDate": {"sent": True}, "$unset": {"unsent": ""}}
        await self._rows.update_many({"_id": {"$in": list(ids)}}, marked)

    async def unsent(self, owner: str, limit: int, after: Place | None = None) -> Sequence[OutboxRow]:
        """See `Outbox.unsent`."""
        query = {"owner": owner, "unsent": True, **_older_than("$created", REREAD_AFTER_MS)}
        if after is not None:
            later = {"created": {"$gt": after.created}}
            query["$or"] = [later, {"created": after.created, "_id": {"$gt": after.id}}]
        rows = await self._rows.find(query).sort([("created", ASCENDING), ("_id", ASCENDING)]).limit(limit).to_list()
        return [row_of(document) for document in rows]

    async def adopt(self, owner: str) -> Counter[str]:
        """See `Outbox.adopt`. The condition is on the row, so two adopters share the rows without overlap."""
        beating = self._processes.find(_younger_than("$beat", SILENT_AFTER_MS), {"_id": 1})
        alive = [process["_id"] async for process in beating]
        orphaned = {"unsent": True, **_older_than("$created", SILENT_AFTER_MS)}
        owners = [{"$match": {"owner": {"$nin": alive}, **orphaned}}, {"$group": {"_id": "$owner"}}]
        taken: Counter[str] = Counter()
        async for silent in await self._rows.aggregate(owners):
            result = await self._rows.update_many({"owner": silent["_id"], **orphaned}, {"$set": {"owner": owner}})
            taken[silent["_id"]] = result.modified_count
        return +taken

    async def beat(self, owner: str) -> None:
        """See `Outbox.beat`."""
        await self._processes.update_one({"_id": owner}, {"$currentDate": {"beat": True}}, upsert=True)

    async def hold(self, owner: str, held: Mapping[str, int]) -> None:
        """Note how many messages a process has of each queue that it has not acknowledged."""
        await self._processes.update_one({"_id": owner}, {"$set": {"held": [*held.items()]}})

    async def held(self) -> Counter[str]:
        """Return how many messages the living processes hold, by queue; what a dead one held is in its queue again."""
        total: Counter[str] = Counter()
        async for row in self._processes.find(_younger_than("$beat", SILENT_AFTER_MS), {"held": 1}):
            total.update(dict(row.get("held", ())))
        return total


def _older_than(field: str, milliseconds: int) -> Document:
    return {"$expr": {"$lt": [field, {"$subtract": ["$$NOW", milliseconds]}]}}


def _younger_than(field: str, milliseconds: int) -> Document:
    return {"$expr": {"$gte": [field, {"$subtract": ["$$NOW", milliseconds]}]}}


def row_of(document: Document) -> OutboxRow:
    """Return a message from its document."""
    return OutboxRow(
        id=document["_id"],
        owner=document["owner"],
        exchange=document["exchange"],
        key=document["key"],
        body=bytes(document["body"]),
        content_type=document["content_type"],
        count=document["count"],
        created=document["created"],
    )
