"""The numbers of producers in MongoDB.

- ``producers``  {_id: producer, top, gaps: [{first, last, since}]}: written by the one look at a time
- ``counts``     {_id: producer, last}: what producers state
- ``stated``     {_id: "marks", seen}: up to where marks were taken up

Nothing here is the only truth: all of it follows from the marks and the statements, and is reckoned again from them
where a look was cut off.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.domain.series import Gap, Series
from shared.messaging import instants
from shared.messaging.unit import Unit
from shared.mongo import Document

_POSITION: Final = "marks"

_OVERLAP: Final = timedelta(seconds=30)
"""A commit may take so long after its marks got their time."""

_AT_ONCE: Final = 10_000


class MongoSeries:
    """The `SeriesStore`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._marks, self._producers = database["marks"], database["producers"]
        self._counts, self._positions = database["counts"], database["stated"]

    async def take(self) -> None:
        """See `SeriesStore.take`."""
        now = instants.now()
        row = await self._positions.find_one({"_id": _POSITION})
        since = row["seen"] - _OVERLAP if row else datetime.min.replace(year=1970, tzinfo=now.tzinfo)
        wanted = {"producer": {"$exists": True}, "seen": {"$gte": since}}
        numbers: dict[str, list[int]] = defaultdict(list)
        newest = since
        async for mark in self._marks.find(wanted, {"producer": 1, "number": 1, "seen": 1, "_id": 0}):
            numbers[mark["producer"]].append(mark["number"])
            newest = max(newest, mark["seen"])
        await self._fold(numbers, await self._news(), now)
        if numbers:
            await self._positions.update_one({"_id": _POSITION}, {"$set": {"seen": newest}}, upsert=True)

    def told(self, counts: Mapping[str, int], unit: Unit) -> None:
        """See `SeriesStore.told`."""
        unit.apply(partial(self._tell, dict(counts)))

    async def incomplete(self) -> Mapping[str, Series]:
        """See `SeriesStore.incomplete`."""
        rows = await self._producers.find({"gaps.0": {"$exists": True}}).to_list()
        return {row["_id"]: _series(row) for row in rows}

    async def all(self, after: str | None, limit: int, *, gaps: bool = False) -> Sequence[tuple[str, Series]]:
        """See `SeriesStore.all`."""
        wanted: dict[str, Any] = {"_id": {"$gt": after}} if after is not None else {}
        if gaps:
            wanted["gaps.0"] = {"$exists": True}
        rows = await self._producers.find(wanted).sort("_id", 1).limit(limit).to_list()
        return [(row["_id"], _series(row)) for row in rows]

    async def _news(self) -> Mapping[str, int]:
        """Return what was stated and is not taken up yet."""
        rows = await self._counts.find({"taken": {"$ne": True}}).to_list()
        return {row["_id"]: row["last"] for row in rows}

    async def _fold(self, numbers: Mapping[str, Sequence[int]], told: Mapping[str, int], now: datetime) -> None:
        names = sorted(numbers.keys() | told.keys())
        for start in range(0, len(names), _AT_ONCE):
            part = names[start : start + _AT_ONCE]
            rows = await self._producers.find({"_id": {"$in": part}}).to_list()
            known = {row["_id"]: _series(row) for row in rows}
            changes = []
            for name in part:
                before = known.get(name, Series())
                after = before.seen(numbers.get(name, ()), now).told(told.get(name, 0), now)
                if after != before:
                    changes.append(UpdateOne({"_id": name}, {"$set": _row(after)}, upsert=True))
            if changes:
                await self._producers.bulk_write(changes, ordered=False)
        if told:
            taken = [UpdateOne({"_id": name, "last": last}, {"$set": {"taken": True}}) for name, last in told.items()]
            await self._counts.bulk_write(taken, ordered=False)

    async def _tell(self, counts: Mapping[str, int], session: AsyncClientSession) -> None:
        changes = [UpdateOne({"_id": name}, _raised(last), upsert=True) for name, last in counts.items()]
        await self._counts.bulk_write(changes, ordered=False, session=session)


def _raised(last: int) -> list[Document]:
    """Return the change that raises a count, as a pipeline: a lower one changes nothing."""
    higher = {"$gt": [last, {"$ifNull": ["$last", 0]}]}
    values = {"last": {"$cond": [higher, last, "$last"]}, "taken": {"$cond": [higher, False, "$taken"]}}
    return [{"$set": values}]


def _series(row: Mapping[str, Any]) -> Series:
    return Series(row["top"], tuple(Gap(gap["first"], gap["last"], gap["since"]) for gap in row["gaps"]))


def _row(series: Series) -> Document:
    return {
        "top": series.top,
        "gaps": [{"first": gap.first, "last": gap.last, "since": gap.since} for gap in series.gaps],
    }
