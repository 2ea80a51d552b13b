"""The inbox and the outbox on MongoDB keep the promises of their ports."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.mongo_inbox import MongoInbox
from shared.messaging.mongo_outbox import MongoOutbox
from shared.messaging.unit import Effect
from tests.unit.shared.messaging.store_suite import QUEUE, StoreSuite

pytestmark = pytest.mark.integration

Document = dict[str, Any]


class MongoStores:
    """The stores on a database."""

    def __init__(self, client: AsyncMongoClient[Document], database: AsyncDatabase[Document]) -> None:
        self._database = database
        self.inbox = MongoInbox(client, database, "p1")
        self.outbox = MongoOutbox(database)

    async def prepare(self) -> None:
        """Create what the stores need, as a process does when it starts."""
        await self.inbox.prepare()
        await self.outbox.prepare()
        await self._database.create_collection("names")

    def effect(self, name: str) -> Effect:
        """See `Stores.effect`."""

        async def add(session: Any) -> None:
            await self._database["names"].insert_one({"_id": name}, session=session)

        return add

    async def names(self) -> set[str]:
        """See `Stores.names`."""
        return {row["_id"] async for row in self._database["names"].find({})}

    async def books(self) -> Mapping[str, int]:
        """See `Stores.books`."""
        total: Counter[str] = Counter()
        async for row in self._database["books"].find({"_id.queue": QUEUE, "_id.process": "p1"}):
            total.update(dict(_leaves("", {name: value for name, value in row.items() if name not in ("_id", "last")})))
        return total

    async def backdate(self, row_id: str, seconds: float) -> None:
        """See `Stores.backdate`."""
        await self._shift("outbox", row_id, "created", seconds)

    async def silence(self, owner: str, seconds: float) -> None:
        """See `Stores.silence`."""
        await self._shift("processes", owner, "beat", seconds)

    async def is_sent(self, row_id: str) -> bool:
        """See `Stores.is_sent`."""
        row = await self._database["outbox"].find_one({"_id": row_id})
        return row is not None and "sent" in row

    async def _shift(self, collection: str, key: str, field: str, seconds: float) -> None:
        row = await self._database[collection].find_one({"_id": key})
        if row is not None:
            await self._database[collection].update_one(
                {"_id": key}, {"$set": {field: row[field] - timedelta(seconds=seconds)}}
            )


class TestMongoStores(StoreSuite):
    """The suite, on a real database."""

    @pytest.fixture
    async def stores(self, mongo_client: AsyncMongoClient[Document], database: AsyncDatabase[Document]) -> MongoStores:
        """Give empty stores in a database of their own."""
        stores = MongoStores(mongo_client, database)
        await stores.prepare()
        return stores


def _leaves(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, int]]:
    leaves: list[tuple[str, int]] = []
    for name, value in tree.items():
        leaves += _leaves(f"{prefix}{name}.", value) if isinstance(value, dict) else [(prefix + name, value)]
    return leaves
