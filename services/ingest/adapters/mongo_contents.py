"""Documents' sealed bytes in MongoDB, in the database `contents`: `documents` {_id: content id, record, box, at}."""

from datetime import UTC, datetime

from bson.binary import Binary
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.coalescing import Insertion
from shared.messaging.unit import Unit
from shared.mongo import Document, ensure_index


class MongoContents:
    """`ContentStore` on a collection where ingest inserts, records finds and nobody changes.

    ``at`` tells whoever removes what no record names how long that has been so.
    """

    def __init__(self, contents: AsyncDatabase[Document]) -> None:
        self._documents = contents["documents"]

    async def prepare(self) -> None:
        """Create the collection unless it is there: made inside a transaction it would block others."""
        await ensure_index(self._documents, IndexModel("_id", name="_id_"))

    def add(self, content: str, record: str, box: bytes, unit: Unit) -> None:
        """See `ContentStore.add`."""
        row = {"_id": content, "record": record, "box": Binary(box), "at": datetime.now(UTC)}
        unit.apply(Insertion(self._documents, [row]))
