"""Bytes that no record names, in the database: noted with the refusal, removed by the job, and nothing else is."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.records.adapters.mongo_documents import MongoDocuments
from services.records.adapters.mongo_unclaimed import MongoContentBin, MongoUnclaimed
from services.records.domain.contents import Unclaimed
from shared.messaging.acts import perform
from shared.messaging.unit import Unit
from tests.integration.conftest import Installation, Launch, until
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]
LATER = timedelta(seconds=1)


async def test_what_is_noted(installation: Installation):
    """A note of a refusal is written once, comes back oldest first, and goes with the bytes."""
    async with runtime_of(installation) as runtime:
        unclaimed = MongoUnclaimed(runtime.database)
        await unclaimed.prepare()
        first, second = (Unclaimed(uuid4().hex, uuid4().hex) for _ in range(2))

        async def note(unit: Unit, *, what: list[Unclaimed]) -> None:
            unclaimed.add(what, unit)

        async def forget(unit: Unit) -> None:
            unclaimed.remove({first.content}, unit)

        start = datetime.now(UTC) - LATER
        await perform(runtime, partial(note, what=[first]))
        await perform(runtime, partial(note, what=[first, second]))

        assert await unclaimed.since_before(start, 10) == []
        assert await unclaimed.since_before(datetime.now(UTC) + LATER, 10) == [first, second]
        assert await unclaimed.since_before(datetime.now(UTC) + LATER, 1) == [first]
        await perform(runtime, forget)
        assert await unclaimed.since_before(datetime.now(UTC) + LATER, 10) == [second]


async def test_what_is_removed(database: Database):
    """Only what is named and old enough is removed; what is left is told."""
    now = datetime.now(UTC)
    ages = {"a" * 32: now - timedelta(days=2), "b" * 32: now, "c" * 32: now - timedelta(days=2)}
    await database["documents"].insert_many([{"_id": name, "box": b"shut", "at": at} for name, at in ages.items()])
    swept = MongoContentBin(database)

    left = await swept.remove(["a" * 32, "b" * 32, "d" * 32], before=now - timedelta(days=1))

    assert left == {"b" * 32}
    assert {row["_id"] for row in await database["documents"].find().to_list()} == {"b" * 32, "c" * 32}


async def test_the_job(installation: Installation, launch: Launch):
    """The role removes the bytes of a refused document, and leaves those that a document names or nobody noted."""
    async with runtime_of(installation) as runtime:
        contents = runtime.client["contents" + installation.suffix]["documents"]
        refused, stored, other = (uuid4().hex for _ in range(3))
        old = datetime.now(UTC) - timedelta(days=2)
        await contents.insert_many([{"_id": name, "box": b"shut", "at": old} for name in (refused, stored, other)])
        await runtime.database["documents"].insert_one({"_id": "d" * 32, "content": stored})
        assert await MongoDocuments(runtime.database).contents({"d" * 32, "e" * 32}) == {"d" * 32: stored}
        unclaimed = runtime.database["unclaimed"]
        await unclaimed.insert_many(
            [
                {"_id": refused, "document": "e" * 32, "at": old},
                {"_id": stored, "document": "d" * 32, "at": old},
            ]
        )

        process = await launch("records", "jobs", CARNET_GC_EVERY_S="0.1", CARNET_GC_GRACE_S="86400")

        async def done() -> bool:
            return await unclaimed.count_documents({}) == 0

        await until(done, "the notes' end")
        assert {row["_id"] for row in await contents.find().to_list()} == {stored, other}
        process.terminate()
        assert await process.wait() == 0
        await runtime.client.drop_database("contents" + installation.suffix)
