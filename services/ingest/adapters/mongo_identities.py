"""First registered traits in MongoDB: `identities` {_id: record id, traits: digest}, inserted and never updated."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from bson.binary import Binary
from pymongo import ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit

Row: TypeAlias = dict[str, Any]

_DUPLICATE_KEY: Final = 11000
_NAME: Final = "identities"


class MongoIdentities:
    """The `IdentityStore` on ingest's own database."""

    def __init__(self, database: AsyncDatabase[Row]) -> None:
        self._database = database
        self._rows = database.get_collection(
            _NAME, read_preference=ReadPreference.PRIMARY, read_concern=ReadConcern("majority")
        )

    async def prepare(self) -> None:
        """Create the collection: made inside a transaction, it would block the others."""
        if _NAME not in await self._database.list_collection_names():
            await self._database.create_collection(_NAME, check_exists=False)

    async def digests(self, records: Collection[str]) -> Mapping[str, bytes]:
        """See `IdentityStore.digests`."""
        if not records:
            return {}
        rows = await self._rows.find({"_id": {"$in": list(records)}}).to_list()
        return {row["_id"]: bytes(row["traits"]) for row in rows}

    def add(self, digests: Mapping[str, bytes], unit: Unit) -> None:
        """See `IdentityStore.add`."""
        if digests:
            rows = [{"_id": record, "traits": Binary(digest)} for record, digest in digests.items()]
            unit.apply(partial(self._insert, rows))

    async def _insert(self, rows: Sequence[Row], session: AsyncClientSession) -> None:
        try:
            await self._rows.insert_many(rows, session=session)
        except BulkWriteError as error:
            if any(trouble["code"] != _DUPLICATE_KEY for trouble in error.details["writeErrors"]):
                raise
            raise RacedError from None
