"""How much of a service is unsent, and for how long: beyond a bound it takes nothing new (rule 12)."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.failures import Failure, classify
from shared.mongo import Document

LONGEST: Final = timedelta(seconds=60)
"""A message unsent for this long means that the broker is away: what is taken now would only wait behind it."""

MOST_BYTES: Final = 1_000_000_000

_SUMMED: Final = 20_000
"""Rows whose sizes are added at most, the oldest first; where there are more, their age decides soon enough."""

_LOOK_EVERY_S: Final = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Unsent:
    """What the outbox of a service holds for the broker."""

    age: timedelta = timedelta()
    """Of the oldest message."""
    size: int = 0
    """Bytes of all messages."""


class Pressure:
    """Looks at a service's outbox, all its processes together; ages are by the server's clock."""

    def __init__(
        self, database: AsyncDatabase[Document], *, longest: timedelta = LONGEST, most: int = MOST_BYTES
    ) -> None:
        self._outbox = database["outbox"]
        self._longest = longest
        self._most = most
        self.high = False
        """Whether nothing new is to be taken, as it was at the last look."""

    async def prepare(self) -> None:
        """Create the index that answers a look without reading the messages."""
        await self._outbox.create_index(
            [("unsent", ASCENDING), ("created", ASCENDING), ("size", ASCENDING)],
            partialFilterExpression={"unsent": True},
        )

    async def look(self) -> Unsent:
        """Ask the database, and tell ``high`` by what it says."""
        age = {"$subtract": ["$$NOW", {"$min": "$created"}]}
        found = await self._outbox.aggregate(
            [
                {"$match": {"unsent": True}},
                {"$sort": {"unsent": 1, "created": 1}},
                {"$limit": _SUMMED},
                {"$project": {"_id": 0, "created": 1, "size": 1}},
                {"$group": {"_id": None, "created": {"$min": "$created"}, "size": {"$sum": "$size"}}},
                {"$project": {"age": age, "size": 1}},
            ]
        )
        rows = await found.to_list()
        unsent = Unsent(timedelta(milliseconds=rows[0]["age"]), rows[0]["size"]) if rows else Unsent()
        high = unsent.age > self._longest or unsent.size > self._most
        if high != self.high:
            log.warning("outbox_full" if high else "outbox_relieved", seconds=unsent.age.total_seconds())
        self.high = high
        return unsent

    async def watch(self) -> None:
        """Look every two seconds until cancelled; a database that is away tells nothing new."""
        while True:
            try:
                await self.look()
            except Exception as error:
                if classify(error) is not Failure.INFRASTRUCTURE:
                    raise
            await asyncio.sleep(_LOOK_EVERY_S)
