"""One active instance: a lease with an epoch, which every transaction of its holder checks.

- ``leases``  {_id: name, holder, epoch, until}
- ``fences``  {_id: name/lane, lease, epoch, acts}

Reading the lease inside a transaction would not be enough: under snapshot isolation a successor could take over
between that read and the commit. A holder therefore writes a fence, and a take-over writes them all: the two meet,
and one of them is refused. There is a fence per lane, so that acts of the same holder do not meet.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.acts import LANES
from shared.messaging.failures import FencedError
from shared.messaging.unit import Effect
from shared.mongo import DURABLE, SNAPSHOT, Document

LASTS: Final = timedelta(seconds=15)
"""Without a sign of life for so long, by the server's clock, a holder loses its lease."""

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Lease:
    """One instance's claim on a role."""

    def __init__(self, database: AsyncDatabase[Document], name: str, holder: str, *, lasts: timedelta = LASTS) -> None:
        self._client = database.client
        self._leases = database["leases"]
        self._fences = database["fences"]
        self._name = name
        self._holder = holder
        self._until = {"$add": ["$$NOW", round(lasts.total_seconds() * 1000)]}
        self.lasts = lasts
        self.epoch = 0
        """Counts the take-overs of this lease; 0 until this instance has held it."""

    async def prepare(self) -> None:
        """Create what is missing: a lease that is over, and its fences."""
        over = {"$setOnInsert": {"epoch": 0, "until": _BEGINNING}}
        await self._leases.update_one({"_id": self._name}, over, upsert=True)
        absent = {"$setOnInsert": {"lease": self._name, "epoch": 0, "acts": 0}}
        fences = [UpdateOne({"_id": self._fence(lane)}, absent, upsert=True) for lane in range(LANES)]
        await self._fences.bulk_write(fences, ordered=False)

    async def take(self) -> bool:
        """Begin an epoch if the lease is free or its holder was silent for too long; return whether it did."""
        async with self._client.start_session() as session:
            epoch = await session.with_transaction(self._take, read_concern=SNAPSHOT, write_concern=DURABLE)
        self.epoch = epoch or self.epoch
        return epoch is not None

    async def renew(self) -> None:
        """Show that this instance lives; raise `FencedError` if another has taken over."""
        mine = {"_id": self._name, "epoch": self.epoch, "holder": self._holder}
        result = await self._leases.update_one(mine, [{"$set": {"until": self._until}}])
        if not result.matched_count:
            raise FencedError

    async def release(self) -> None:
        """Let another instance take over at once; nothing happens if one has."""
        mine = {"_id": self._name, "epoch": self.epoch, "holder": self._holder}
        await self._leases.update_one(mine, {"$set": {"until": _BEGINNING}})

    def check(self, lane: int) -> Effect:
        """See `Fence.check`."""
        return partial(self._check, self._fence(lane), self.epoch)

    async def _take(self, session: AsyncClientSession) -> int | None:
        row = await self._leases.find_one_and_update(
            {"_id": self._name, "$expr": {"$lte": ["$until", "$$NOW"]}},
            [{"$set": {"holder": self._holder, "epoch": {"$add": ["$epoch", 1]}, "until": self._until}}],
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if row is None:
            return None
        epoch = int(row["epoch"])
        await self._fences.update_many({"lease": self._name}, {"$set": {"epoch": epoch}}, session=session)
        return epoch

    async def _check(self, fence: str, epoch: int, session: AsyncClientSession) -> None:
        written = await self._fences.update_one({"_id": fence, "epoch": epoch}, {"$inc": {"acts": 1}}, session=session)
        if not written.matched_count:
            raise FencedError

    def _fence(self, lane: int) -> str:
        return f"{self._name}/{lane}"
