"""Tries in MongoDB: {_id: blind index, asked, failed, version, last}; a row disappears a day after the last one."""

from functools import partial
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from services.records.domain.tries import Tries
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document

_KEPT_FOR_S: Final = 24 * 3600


class MongoTries:
    """`TryStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._tries = database["tries"]

    async def prepare(self) -> None:
        """Create the index by which old rows disappear."""
        await self._tries.create_index("last", expireAfterSeconds=_KEPT_FOR_S)

    async def find(self, index: str) -> Tries:
        """See `TryStore.find`."""
        row = await self._tries.find_one({"_id": {"$eq": index}})
        return Tries(index) if row is None else _tries(row)

    def save(self, tries: Tries, unit: Unit, *, read: Tries) -> None:
        """See `TryStore.save`."""
        row = {
            "_id": tries.index,
            "asked": list(tries.asked),
            "failed": list(tries.failed),
            "version": tries.version,
            "last": max((*tries.asked, *tries.failed), default=None),
        }
        guard = {"version": read.version} if read.version else None
        unit.apply(partial(write_guarded, self._tries, [Change(row, guard)]))


def _tries(row: Document) -> Tries:
    return Tries(row["_id"], tuple(row["asked"]), tuple(row["failed"]), row["version"])
