"""First registered traits in MongoDB: `identities` {_id: record id, traits: digest}, inserted and never updated."""

from collections.abc import Collection, Mapping
from functools import partial

from bson.binary import Binary
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoIdentities:
    """The `IdentityStore` on ingest's own database."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._rows = database["identities"]

    async def prepare(self) -> None:
        """Create the collection, which every collection's own index does: in a transaction it would block others."""
        await self._rows.create_index("_id")

    async def digests(self, records: Collection[str]) -> Mapping[str, bytes]:
        """See `IdentityStore.digests`."""
        if not records:
            return {}
        rows = self._rows.find({"_id": {"$in": list(records)}}, batch_size=len(records) + 1)
        return {row["_id"]: bytes(row["traits"]) for row in await rows.to_list()}

    def add(self, digests: Mapping[str, bytes], unit: Unit) -> None:
        """See `IdentityStore.add`: a row that came first is a duplicate key, and the next look knows it."""
        if digests:
            rows = [{"_id": record, "traits": Binary(digest)} for record, digest in digests.items()]
            unit.apply(partial(self._insert, rows))

    async def _insert(self, rows: list[Document], session: AsyncClientSession) -> None:
        await self._rows.insert_many(rows, ordered=False, session=session)
