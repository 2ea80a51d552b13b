"""Lots and slips in MongoDB: {_id: number, made_at, letters, state, manifest, reason, version}, {_id: digest, at}."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.notifications.domain.lot import PURGEABLE, Lot, LotState
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoLots:
    """`LotStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._lots = database["lots"]

    async def prepare(self) -> None:
        """Create the index by state."""
        await self._lots.create_index([("state", ASCENDING), ("_id", ASCENDING)])

    async def find(self, number: str) -> Lot | None:
        """See `LotStore.find`."""
        row = await self._lots.find_one({"_id": number})
        return None if row is None else _lot(row)

    async def unfinished(self) -> Sequence[Lot]:
        """See `LotStore.unfinished`."""
        rows = await self._lots.find({"state": LotState.GATHERED}).sort("_id", ASCENDING).to_list()
        return [_lot(row) for row in rows]

    async def latest(self, limit: int) -> Sequence[Lot]:
        """See `LotStore.latest`: numbers of one length are in the order of their making."""
        return [_lot(row) for row in await self._lots.find().sort("_id", DESCENDING).limit(limit).to_list()]

    async def purgeable(self, before: datetime, limit: int) -> Sequence[Lot]:
        """See `LotStore.purgeable`."""
        over = {"state": {"$in": sorted(PURGEABLE)}, "made_at": {"$lt": before}}
        return [_lot(row) for row in await self._lots.find(over).sort("_id", ASCENDING).limit(limit).to_list()]

    def save(self, lot: Lot, unit: Unit, *, read: Lot | None) -> None:
        """See `LotStore.save`."""
        row = asdict(lot)
        row["_id"] = row.pop("number")
        guard = None if read is None else {"version": read.version}
        unit.apply(partial(write_guarded, self._lots, [Change(row, guard)]))


class MongoSlips:
    """`SlipStore`: two of the same at once are a duplicate key, which the core takes for the conflict it is."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._slips = database["slips"]

    async def known(self, digest: str) -> bool:
        """See `SlipStore.known`."""
        return await self._slips.find_one({"_id": digest}, {"_id": 1}) is not None

    def add(self, digest: str, at: datetime, unit: Unit) -> None:
        """See `SlipStore.add`."""
        unit.apply(partial(self._insert, {"_id": digest, "at": at}))

    async def _insert(self, row: Document, session: AsyncClientSession) -> None:
        await self._slips.insert_one(row, session=session)


def _lot(row: Document) -> Lot:
    kept = {name: value for name, value in row.items() if name != "_id"}
    return Lot(**kept | {"number": row["_id"], "state": LotState(row["state"])})
