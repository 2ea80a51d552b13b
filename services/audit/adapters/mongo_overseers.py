"""Overseers in MongoDB: {_id: record/professional, oversight, until, version}."""

from collections.abc import Sequence
from functools import partial

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.domain.overseers import Overseer
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoOverseers:
    """The `OverseerStore`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._rows = database["overseers"]

    async def of(self, record: str, professional: str) -> Overseer | None:
        """See `OverseerReader.of`: by ``_id``."""
        row = await self._rows.find_one({"_id": f"{record}/{professional}"})
        return None if row is None else Overseer(record, professional, row["oversight"], row["until"], row["version"])

    def save(self, overseers: Sequence[Overseer], unit: Unit) -> None:
        """See `OverseerStore.save`."""
        unit.apply(partial(self._save, list(overseers)))

    async def _save(self, overseers: Sequence[Overseer], session: AsyncClientSession) -> None:
        await self._rows.bulk_write([_said(each) for each in overseers], ordered=True, session=session)


def _said(overseer: Overseer) -> UpdateOne:
    newer = {"$gt": [overseer.version, {"$ifNull": ["$version", 0]}]}
    values = {"oversight": overseer.oversight, "until": overseer.until, "version": overseer.version}
    kept = {name: {"$cond": [newer, {"$literal": value}, f"${name}"]} for name, value in values.items()}
    return UpdateOne({"_id": overseer.id}, [{"$set": kept}], upsert=True)
