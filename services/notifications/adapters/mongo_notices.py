"""Notices in MongoDB: {_id: notice id, record, box, state, channel, due, attempts, lot, sequence, …, version}."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from typing import Final

from bson.binary import Binary
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.notifications.domain.notice import Aim, Notice, NoticeState
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoNotices:
    """`NoticeStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._notices = database["notices"]

    async def prepare(self) -> None:
        """Create the indexes by what is due and by lot."""
        await self._notices.create_index([("state", ASCENDING), ("channel", ASCENDING), ("due", ASCENDING)])
        await self._notices.create_index(
            [("lot", ASCENDING), ("sequence", ASCENDING)], partialFilterExpression={"lot": {"$type": "string"}}
        )
        await self._notices.create_index([("record", ASCENDING)])

    async def find(self, notices: Collection[str]) -> Mapping[str, Notice]:
        """See `NoticeStore.find`: one find for the whole batch."""
        rows = await self._notices.find({"_id": {"$in": list(notices)}}).to_list()
        return {row["_id"]: _notice(row) for row in rows}

    async def due(self, channels: Collection[str | None], now: datetime, limit: int) -> Sequence[Notice]:
        """See `NoticeStore.due`."""
        query = {"state": NoticeState.TO_SEND, "channel": {"$in": list(channels)}, "due": {"$lte": now}}
        order = [("due", ASCENDING), ("_id", ASCENDING)]
        return [_notice(row) for row in await self._notices.find(query).sort(order).limit(limit).to_list()]

    async def of_record(self, record: str) -> Sequence[Notice]:
        """See `NoticeStore.of_record`."""
        return [_notice(row) for row in await self._notices.find({"record": record}).sort("_id", ASCENDING).to_list()]

    async def of_lot(self, number: str) -> Sequence[Notice]:
        """See `NoticeStore.of_lot`."""
        rows = await self._notices.find({"lot": number}).sort("sequence", ASCENDING).to_list()
        return [_notice(row) for row in rows]

    def save(self, notices: Sequence[Notice], unit: Unit, *, read: Mapping[str, Notice]) -> None:
        """See `NoticeStore.save`."""
        changes = [Change(_document(notice), _guard(read.get(notice.id))) for notice in notices]
        if changes:
            unit.apply(partial(write_guarded, self._notices, changes))

    async def census(self) -> Mapping[tuple[str, str | None], int]:
        """See `NoticeStore.census`: walks the index of what is due, not the notices."""
        listed = {"$match": {"state": {"$in": list(NoticeState)}}}
        counted = {"$group": {"_id": {"state": "$state", "channel": "$channel"}, "count": {"$sum": 1}}}
        rows = await (await self._notices.aggregate([listed, counted])).to_list()
        return {(row["_id"]["state"], row["_id"].get("channel")): row["count"] for row in rows}


_DAYS: Final = ("sent_on", "last_day")


def _guard(read: Notice | None) -> Document | None:
    return None if read is None else {"version": read.version}


def _document(notice: Notice) -> Document:
    row = asdict(notice)
    days = {name: row[name] and row[name].isoformat() for name in _DAYS}
    return {"_id": row.pop("id"), **row, "box": Binary(notice.box), **days}


def _notice(row: Document) -> Notice:
    kept = {name: value for name, value in row.items() if name != "_id"}
    days = {name: row.get(name) and date.fromisoformat(row[name]) for name in _DAYS}
    told = {
        "id": row["_id"],
        "box": bytes(row["box"]),
        "state": NoticeState(row["state"]),
        "aim": Aim(row.get("aim", Aim.OPENING)),
    }
    return Notice(**kept | told | days)
