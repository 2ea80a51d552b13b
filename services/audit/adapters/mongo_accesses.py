"""A person's list in MongoDB: the entries about one record, backwards, with what proves them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.log_rows import Collections, read_leaves, to_opening
from services.audit.domain.deeds import DEEDS
from services.audit.domain.entries import Entry, Kept
from shared.mongo import Document
from verifier.leaves import parse_leaf

_SHOWN: Final = sorted(DEEDS)


class MongoAccesses:
    """The `AccessReader`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._at = Collections.of(database)

    async def about(
        self, record: str, *, before: int | None, since: datetime | None, until: datetime | None, limit: int
    ) -> Sequence[Kept]:
        """See `AccessReader.about`. Two finds: openings by record, then the leaves of those."""
        wanted: dict[str, Any] = {"record": record, "type": {"$in": _SHOWN}}
        if before is not None:
            wanted["_id"] = {"$lt": before}
        if bounds := _bounds(since, until):
            wanted["at"] = bounds
        rows = await self._at.openings.find(wanted).sort("_id", DESCENDING).limit(limit).to_list()
        leaves = await read_leaves(self._at.leaves, [row["event"] for row in rows])
        return [Kept(Entry(row["_id"], parse_leaf(leaves[bytes(row["event"])])), to_opening(row)) for row in rows]


def _bounds(since: datetime | None, until: datetime | None) -> dict[str, int]:
    """Return the bounds in the log's milliseconds."""
    given = {"$gte": since, "$lt": until}
    return {name: int(instant.timestamp() * 1000) for name, instant in given.items() if instant is not None}
