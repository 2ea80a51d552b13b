"""Documents' sealed bytes in the database `contents`: `documents` {_id: content id, box, …}, only read here."""

from pymongo.asynchronous.database import AsyncDatabase

from shared.mongo import Document


class MongoContents:
    """`ContentStore` on the collection that ingest inserts into."""

    def __init__(self, contents: AsyncDatabase[Document]) -> None:
        self._documents = contents["documents"]

    async def find(self, content: str) -> bytes | None:
        """See `ContentStore.find`."""
        row = await self._documents.find_one({"_id": {"$eq": content}}, {"box": 1})
        return None if row is None else bytes(row["box"])
