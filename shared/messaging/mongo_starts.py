"""The beginnings on MongoDB: a row per message that came again, and one per waiting event while it is retried."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from pymongo import InsertOne, ReturnDocument, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from shared.messaging import mongo_outbox
from shared.messaging.starts import Deaths
from shared.mongo import Document

FORGOTTEN_AFTER_S: Final = 7 * 24 * 3600
"""A beginning whose end could not be noted is forgotten after a week; nothing but care depends on it."""

_DUPLICATE_KEY: Final = 11000
_RETRY: Final = "retry "
_TOGETHER, _ALONE = "together", "alone"


class MongoStarts:
    """`Starts` in the service's own database, for one process."""

    def __init__(self, database: AsyncDatabase[Document], process: str) -> None:
        self._started = database["started"]
        self._processes = database["processes"]
        self._process = process

    async def prepare(self) -> None:
        """Create the index by which what is left over ends."""
        await self._started.create_index("at", expireAfterSeconds=FORGOTTEN_AFTER_S)

    async def begin(self, message: str, step: str, name: str, ended: str | None = None) -> Mapping[str, int]:
        """See `Starts.begin`."""
        change: Document = {"$addToSet": {f"steps.{step}": name}, "$set": {"at": datetime.now(UTC)}}
        if ended is not None:
            change["$unset"] = {f"steps.{ended}": ""}
        row = await self._started.find_one_and_update(
            {"_id": message}, change, upsert=True, return_document=ReturnDocument.AFTER
        )
        return {each: len(names) for each, names in row["steps"].items()} if row else {}

    async def end(self, message: str) -> None:
        """See `Starts.end`."""
        await self._started.delete_one({"_id": message})

    async def claim(self, rows: Sequence[str]) -> Mapping[str, Deaths]:
        """See `Starts.claim`. Whoever told within 30 s that it lives keeps what it claimed."""
        names = [_RETRY + row for row in rows]
        found = {row["_id"]: row for row in await self._started.find({"_id": {"$in": names}}).to_list()}
        living = await self._living() if found else set()
        now = datetime.now(UTC)
        changes: list[InsertOne[Document] | UpdateOne] = [
            self._taken(found[name], now) for name in names if name in found and found[name]["by"] not in living
        ]
        changes += [
            InsertOne({"_id": name, "by": self._process, "how": _TOGETHER, "at": now})
            for name in names
            if name not in found
        ]
        if changes:
            await self._write(changes)
        mine = self._started.find({"_id": {"$in": names}, "by": self._process})
        return {row["_id"].removeprefix(_RETRY): _deaths(row) for row in await mine.to_list()}

    async def go_alone(self, row: str) -> None:
        """See `Starts.go_alone`."""
        await self._started.update_one({"_id": _RETRY + row, "by": self._process}, {"$set": {"how": _ALONE}})

    async def release(self, rows: Collection[str]) -> None:
        """See `Starts.release`."""
        await self._started.delete_many({"_id": {"$in": [_RETRY + row for row in rows]}, "by": self._process})

    async def leave(self) -> None:
        """See `Starts.leave`."""
        await self._started.update_many({"by": self._process}, {"$set": {"by": None}})

    async def set_apart(self, row: str) -> None:
        """See `Starts.set_apart`."""
        apart = {"by": None, "how": _TOGETHER, "at": datetime.now(UTC), "deaths": {_TOGETHER: 1}}
        await self._started.replace_one({"_id": _RETRY + row}, apart, upsert=True)

    def _taken(self, row: Document, now: datetime) -> UpdateOne:
        """Take over a row from a process that is no more, and count its death; or one that nobody has."""
        change: Document = {"$set": {"by": self._process, "how": _TOGETHER, "at": now}}
        if row["by"] not in (None, self._process):
            change["$inc"] = {f"deaths.{row['how']}": 1}
        return UpdateOne({"_id": row["_id"], "by": row["by"], "how": row["how"]}, change)

    async def _living(self) -> set[str]:
        age = {"$subtract": ["$$NOW", mongo_outbox.SILENT_AFTER_MS]}
        beating = self._processes.find({"$expr": {"$gte": ["$beat", age]}}, {"_id": 1})
        return {row["_id"] for row in await beating.to_list()} - {self._process}

    async def _write(self, changes: Sequence[InsertOne[Document] | UpdateOne]) -> None:
        """Whoever inserts a row first has it."""
        try:
            await self._started.bulk_write(changes, ordered=False)
        except BulkWriteError as error:
            if not _all_taken(error.details.get("writeErrors", ())):
                raise


def _all_taken(errors: Iterable[Mapping[str, object]]) -> bool:
    codes = [each.get("code") for each in errors]
    return bool(codes) and set(codes) == {_DUPLICATE_KEY}


def _deaths(row: Document) -> Deaths:
    deaths = row.get("deaths", {})
    return Deaths(deaths.get(_TOGETHER, 0), deaths.get(_ALONE, 0))
