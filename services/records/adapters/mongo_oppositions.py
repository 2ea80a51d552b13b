"""Attestations in MongoDB: {_id, record, way, actor, dated, at, effect, version}, inserted and never changed."""

from dataclasses import asdict
from datetime import date
from functools import partial

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.records.domain.opposition import Effect, Opposition, Way
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoOppositions:
    """`OppositionStore` on a collection."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._oppositions = database["oppositions"]

    async def prepare(self) -> None:
        """Create the index that finds a person's last opposition."""
        await self._oppositions.create_index([("record", ASCENDING), ("version", DESCENDING)])

    async def find(self, opposition: str) -> Opposition | None:
        """See `OppositionStore.find`."""
        row = await self._oppositions.find_one({"_id": {"$eq": opposition}})
        return None if row is None else _opposition(row)

    async def latest(self, record: str) -> Opposition | None:
        """See `OppositionStore.latest`."""
        row = await self._oppositions.find_one({"record": {"$eq": record}}, sort=[("version", DESCENDING)])
        return None if row is None else _opposition(row)

    def add(self, opposition: Opposition, unit: Unit) -> None:
        """See `OppositionStore.add`."""
        row = asdict(opposition) | {"dated": opposition.dated.isoformat()}
        row["_id"] = row.pop("id")
        unit.apply(partial(self._insert, row))

    async def _insert(self, row: Document, session: AsyncClientSession) -> None:
        await self._oppositions.insert_one(row, session=session)


def _opposition(row: Document) -> Opposition:
    return Opposition(
        id=row["_id"],
        record=row["record"],
        way=Way(row["way"]),
        actor=row["actor"],
        dated=date.fromisoformat(row["dated"]),
        at=row["at"],
        effect=Effect(row["effect"]),
        version=row["version"],
    )
