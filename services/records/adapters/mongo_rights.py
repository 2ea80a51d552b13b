"""Rights in MongoDB: {_id: record/professional, record, professional, grant, since, by, version, box, oversight}."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from bson.binary import Binary
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.records.domain.rights import By, Grant, Oversight, Right
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoRights:
    """`RightStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._rights = database["rights"]

    async def prepare(self) -> None:
        """Create the index that lists a record's rights."""
        await self._rights.create_index([("record", ASCENDING), ("since", DESCENDING)])

    async def find(self, record: str, professionals: Collection[str]) -> Mapping[str, Right]:
        """See `RightStore.find`: by ``_id``."""
        ids = [f"{record}/{professional}" for professional in professionals]
        rows = self._rights.find({"_id": {"$in": ids}}, batch_size=len(ids) + 1)
        return {row["professional"]: right_of(row) for row in await rows.to_list()}

    async def of_record(self, record: str) -> Sequence[Right]:
        """See `RightStore.of_record`."""
        rows = self._rights.find({"record": {"$eq": record}}).sort([("since", DESCENDING), ("_id", ASCENDING)])
        return [right_of(row) for row in await rows.to_list()]

    def save(self, right: Right, unit: Unit, *, read: Right | None) -> None:
        """See `RightStore.save`."""
        change = Change(_row(right), None if read is None else {"version": read.version})
        unit.apply(partial(write_guarded, self._rights, [change]))


def _row(right: Right) -> Document:
    return {
        "_id": right.id,
        "record": right.record,
        "professional": right.professional,
        "grant": right.grant,
        "since": right.since,
        "by": right.by,
        "version": right.version,
        "box": Binary(right.box),
        "oversight": right.oversight,
    }


def right_of(row: Mapping[str, Any]) -> Right:
    """Return the right of a row."""
    return Right(
        record=row["record"],
        professional=row["professional"],
        grant=Grant(row["grant"]),
        since=row["since"],
        by=By(row["by"]),
        version=row["version"],
        box=bytes(row["box"]),
        oversight=Oversight(row["oversight"]),
    )
