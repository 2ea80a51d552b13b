"""How long ingest's own messages have been waiting for the broker, looked at once a second at most (rule 12)."""

from datetime import timedelta
from time import monotonic
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from shared.mongo import Document

LONGEST: Final = timedelta(seconds=60)
"""A message unsent for this long means that the broker is away: what is deposited now would only wait behind it."""

_LOOK_EVERY_S: Final = 1.0


class MongoBacklog:
    """`Backlog` on the outbox, by the server's clock."""

    def __init__(self, database: AsyncDatabase[Document], *, longest: timedelta = LONGEST) -> None:
        self._outbox = database["outbox"]
        self._longest = longest
        self._looked = -_LOOK_EVERY_S
        self._full = False

    async def is_full(self) -> bool:
        """See `Backlog.is_full`."""
        now = monotonic()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self._full = await self._look()
        return self._full

    async def _look(self) -> bool:
        """Ask the database: the rows that are unsent have an index of their own, and are few."""
        age = {"$subtract": ["$$NOW", int(self._longest / timedelta(milliseconds=1))]}
        old: Document = {"unsent": True, "$expr": {"$lt": ["$created", age]}}
        return await self._outbox.find_one(old, {"_id": 1}) is not None
