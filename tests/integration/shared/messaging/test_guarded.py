"""A change of rows that others change too holds only if they still are what was read (rule 9)."""

from collections.abc import Sequence
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.failures import Failure, RacedError, classify
from shared.messaging.guarded import Change, write_guarded

pytestmark = pytest.mark.integration

Document = dict[str, Any]


class Guarded:
    """A collection written only through guards, each write in a transaction."""

    def __init__(self, client: AsyncMongoClient[Document], rows: AsyncCollection[Document]) -> None:
        self._client = client
        self._rows = rows

    async def write(self, changes: Sequence[Change]) -> None:
        """Write, and commit."""
        async with self._client.start_session() as session, await session.start_transaction():
            await write_guarded(self._rows, changes, session)

    async def rows(self) -> dict[str, Document]:
        """Return what is there."""
        return {row.pop("_id"): row async for row in self._rows.find({})}


@pytest.fixture
async def guarded(mongo_client: AsyncMongoClient[Document], database: AsyncDatabase[Document]) -> Guarded:
    """Give a collection with one row at version 1."""
    await database["rows"].insert_one({"_id": "a", "version": 1})
    return Guarded(mongo_client, database["rows"])


async def test_writes_what_was_read(guarded: Guarded):
    """New rows are inserted and read ones replaced, together."""
    await guarded.write([Change({"_id": "a", "version": 2}, {"version": 1}), Change({"_id": "b", "version": 1}, None)])

    assert await guarded.rows() == {"a": {"version": 2}, "b": {"version": 1}}


@pytest.mark.parametrize("read", [{"version": 7}, {"version": 1, "owner": "x"}], ids=["other version", "other field"])
async def test_changed_meanwhile(guarded: Guarded, read: Document):
    """One row that is not as it was read, and nothing of the batch is written."""
    with pytest.raises(RacedError):
        await guarded.write([Change({"_id": "a", "version": 2}, read), Change({"_id": "b", "version": 1}, None)])

    assert await guarded.rows() == {"a": {"version": 1}}


async def test_there_already(guarded: Guarded):
    """A row that was absent when it was read and is there now is a conflict like any other."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the driver's, of one kind
        await guarded.write([Change({"_id": "a", "version": 2}, None)])

    assert classify(caught.value) is Failure.CONFLICT
    assert await guarded.rows() == {"a": {"version": 1}}


async def test_gone_meanwhile(guarded: Guarded):
    """A row that was read and is gone is a race, not a new row."""
    with pytest.raises(RacedError):
        await guarded.write([Change({"_id": "gone", "version": 2}, {"version": 1})])

    assert "gone" not in await guarded.rows()
