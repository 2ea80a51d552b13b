"""What ingest was told of records in MongoDB: `accounts` {_id: record id, open, version}."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from pymongo.asynchronous.database import AsyncDatabase

from services.ingest.domain.accounts import Account
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoAccountStates:
    """`AccountStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._accounts = database["accounts"]

    async def prepare(self) -> None:
        """Create the collection: made inside a transaction it would block others."""
        await self._accounts.create_index("_id")

    async def find(self, records: Collection[str]) -> Mapping[str, Account]:
        """See `AccountStore.find`."""
        rows = self._accounts.find({"_id": {"$in": list(records)}}, batch_size=len(records) + 1)
        return {row["_id"]: Account(row["_id"], row["open"], row["version"]) for row in await rows.to_list()}

    def save(self, accounts: Sequence[Account], unit: Unit, *, read: Mapping[str, Account]) -> None:
        """See `AccountStore.save`."""
        changes = [
            Change(
                {"_id": account.record, "open": account.open, "version": account.version},
                None if (known := read.get(account.record)) is None else {"version": known.version},
            )
            for account in accounts
        ]
        if changes:
            unit.apply(partial(write_guarded, self._accounts, changes))
