"""A person's list in MongoDB: the entries about one record, backwards, with what proves them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.mongo_log import to_entry
from services.audit.domain.accesses import Kept
from services.audit.domain.chain import Opening
from services.audit.domain.deeds import DEEDS
from shared.mongo import Document

_SHOWN: Final = sorted(DEEDS)


class MongoAccesses:
    """The `AccessReader`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._entries, self._openings = database["entries"], database["openings"]

    async def about(
        self, record: str, *, before: int | None, since: datetime | None, until: datetime | None, limit: int
    ) -> Sequence[Kept]:
        """See `AccessReader.about`. Two finds: entries by index, then the openings of those."""
        wanted: dict[str, Any] = {"subject": record, "type": {"$in": _SHOWN}}
        if before is not None:
            wanted["_id"] = {"$lt": before}
        if bounds := _bounds(since, until):
            wanted["at"] = bounds
        rows = await self._entries.find(wanted).sort("_id", DESCENDING).limit(limit).to_list()
        found = self._openings.find({"_id": {"$in": [row["_id"] for row in rows]}})
        openings = {row["_id"]: Opening(bytes(row["salt"]), bytes(row["box"])) for row in await found.to_list()}
        return [Kept(to_entry(row), openings.get(row["_id"])) for row in rows]


def _bounds(since: datetime | None, until: datetime | None) -> dict[str, int]:
    """Return the bounds in the log's milliseconds."""
    given = {"$gte": since, "$lt": until}
    return {name: int(instant.timestamp() * 1000) for name, instant in given.items() if instant is not None}
