"""Whether too many of ingest's own messages wait for the broker, looked at once a second at most (rule 12)."""

from datetime import timedelta
from time import monotonic
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.pressure import LONGEST, MOST_BYTES, Pressure
from shared.mongo import Document

_LOOK_EVERY_S: Final = 1.0


class MongoBacklog:
    """`Backlog` on the outbox, by the bounds at which the worker takes nothing new either."""

    def __init__(
        self, database: AsyncDatabase[Document], *, longest: timedelta = LONGEST, most: int = MOST_BYTES
    ) -> None:
        self._pressure = Pressure(database, longest=longest, most=most)
        self._looked = -_LOOK_EVERY_S

    async def is_full(self) -> bool:
        """See `Backlog.is_full`."""
        now = monotonic()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            await self._pressure.look()
        return self._pressure.high
