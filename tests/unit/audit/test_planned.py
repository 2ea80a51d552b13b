"""What a sequencer remembers of appends whose end it does not know."""

from typing import Any

from pymongo import AsyncMongoClient

from services.audit.adapters.mongo_log import PLANNED, MongoLog
from services.audit.domain.entries import EMPTY
from shared.messaging.unit import Unit
from tests.fakes.entries import an_entry


async def test_appends_that_come_to_nothing_are_forgotten():
    """A database that answers and commits nothing fills no memory: each try is sealed anew and has another root."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(connect=False)
    log = MongoLog(client["audit"])
    for _ in range(5 * PLANNED):
        await log.append([an_entry("record")], Unit(), after=EMPTY)

    assert len(log._planned) == PLANNED
