"""A log with as many sequencers as wanted, in MongoDB or in memory, and the way to commit to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.log_rows import prepare
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.mongo_log_reader import MongoLogReader
from services.audit.domain.entries import Fresh
from services.audit.ports import Log, LogReader
from shared.messaging.unit import Unit
from shared.mongo import DURABLE, SNAPSHOT
from tests.fakes.entries import whole

Database = AsyncDatabase[dict[str, Any]]


@dataclass
class House:
    """A log, as many sequencers as wanted, a reader, and the way to commit a unit."""

    sequencer: Callable[[], Log]
    reader: LogReader
    commit: Callable[[Unit], Awaitable[None]]

    async def append(self, log: Log, entries: list[Fresh]) -> None:
        """Read the head, append after it, commit."""
        unit = Unit()
        await log.append(entries, unit, after=await log.head())
        await self.commit(unit)

    async def whole(self) -> list[bytes]:
        """Return the events of the log; fail if it is damaged."""
        return whole(await self.reader.leaves(0, 100_000), await self.reader.head())


async def commit_in(database: Database, unit: Unit) -> None:
    """Apply a unit in one transaction, as the inbox does."""
    async with (
        database.client.start_session() as session,
        await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE),
    ):
        for effect in unit.effects:
            await effect(session)


async def commit_in_memory(unit: Unit) -> None:
    """Apply a unit to the fake."""
    for effect in unit.effects:
        await effect(None)


async def real(database: Database) -> House:
    """Return a log in MongoDB."""
    await prepare(database)
    return House(lambda: MongoLog(database), MongoLogReader(database), lambda unit: commit_in(database, unit))
