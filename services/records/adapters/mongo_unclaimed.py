"""What refused documents leave behind, in MongoDB: `unclaimed` {_id: content id, document, at}."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import partial

from pymongo import ASCENDING, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.records.domain.contents import Unclaimed
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoUnclaimed:
    """`UnclaimedStore` on a collection that is empty but for the refusals of the last day."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._unclaimed = database["unclaimed"]

    async def prepare(self) -> None:
        """Create the index that finds the oldest."""
        await self._unclaimed.create_index([("at", ASCENDING)])

    def add(self, unclaimed: Sequence[Unclaimed], unit: Unit) -> None:
        """See `UnclaimedStore.add`."""
        now = datetime.now(UTC)
        if unclaimed:
            unit.apply(
                partial(
                    self._upsert,
                    [
                        UpdateOne(
                            {"_id": each.content}, {"$setOnInsert": {"document": each.document, "at": now}}, upsert=True
                        )
                        for each in unclaimed
                    ],
                )
            )

    async def since_before(self, instant: datetime, limit: int) -> Sequence[Unclaimed]:
        """See `UnclaimedStore.since_before`."""
        rows = self._unclaimed.find({"at": {"$lt": instant}}, sort=[("at", ASCENDING)], limit=limit)
        return [Unclaimed(row["_id"], row["document"]) for row in await rows.to_list()]

    def remove(self, contents: Collection[str], unit: Unit) -> None:
        """See `UnclaimedStore.remove`."""
        if contents:
            unit.apply(partial(self._delete, list(contents)))

    async def _upsert(self, upserts: list[UpdateOne], session: AsyncClientSession) -> None:
        await self._unclaimed.bulk_write(upserts, ordered=False, session=session)

    async def _delete(self, contents: list[str], session: AsyncClientSession) -> None:
        await self._unclaimed.delete_many({"_id": {"$in": contents}}, session=session)


class MongoContentBin:
    """`ContentBin` on `contents.documents`, by a user of the database that finds and removes there."""

    def __init__(self, contents: AsyncDatabase[Document]) -> None:
        self._documents = contents["documents"]

    async def remove(self, contents: Collection[str], *, before: datetime) -> set[str]:
        """See `ContentBin.remove`."""
        ids = list(contents)
        await self._documents.delete_many({"_id": {"$in": ids}, "at": {"$lt": before}})
        return {row["_id"] for row in await self._documents.find({"_id": {"$in": ids}}, {"_id": 1}).to_list()}
