"""Notices in MongoDB: {_id: notice id, record, aim, requested_at, state, deadline?, code: {…}, sent?, returned?, …}.

``state`` and ``deadline`` follow from the rest; they stand there for the indexes of the deadline job and its doors.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from bson.binary import Binary
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.records.domain.codes import Code, Purpose, Use
from services.records.domain.delay import Policy
from services.records.domain.notice import Aim, Failing, Notice, NoticeState, Outcome, Return, Sending
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoNotices:
    """`NoticeStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._notices = database["notices"]

    async def prepare(self) -> None:
        """Create the indexes: a person's notices, and those of a state by their deadline."""
        await self._notices.create_index([("record", ASCENDING)])
        await self._notices.create_index([("state", ASCENDING), ("deadline", ASCENDING)])

    async def find(self, ids: Collection[str]) -> Mapping[str, Notice]:
        """See `NoticeStore.find`."""
        rows = await self._notices.find({"_id": {"$in": list(ids)}}).to_list()
        return {row["_id"]: _notice(row) for row in rows}

    async def of_records(self, records: Collection[str]) -> Sequence[Notice]:
        """See `NoticeStore.of_records`."""
        rows = self._notices.find({"record": {"$in": list(records)}})
        return [_notice(row) for row in await rows.sort([("requested_at", ASCENDING), ("_id", ASCENDING)]).to_list()]

    async def due(self, today: date, now: datetime, limit: int) -> Sequence[str]:
        """See `NoticeStore.due`: answered from the index."""
        over = {
            "state": NoticeState.RUNNING,
            "deadline": {"$lt": today.isoformat()},
            "failing.retry_at": {"$not": {"$gt": now}},
        }
        rows = await self._notices.find(over, {"_id": 1}).sort("deadline", ASCENDING).limit(limit).to_list()
        return [row["_id"] for row in rows]

    def save(self, notices: Sequence[Notice], unit: Unit, *, read: Mapping[str, Notice]) -> None:
        """See `NoticeStore.save`."""
        changes = [
            Change(_document(notice), {"version": known.version} if (known := read.get(notice.id)) else None)
            for notice in notices
        ]
        if changes:
            unit.apply(partial(write_guarded, self._notices, changes))

    async def count_by_state(self) -> Mapping[NoticeState, int]:
        """See `NoticeStore.count_by_state`."""
        counted = await self._count({"state": {"$in": list(NoticeState)}}, "$state")
        return {NoticeState(state): count for state, count in counted.items()}

    async def count_returned(self) -> Mapping[str, int]:
        """See `NoticeStore.count_returned`."""
        return await self._count({"state": NoticeState.RETURNED}, "$returned.motive")

    async def count_failing(self) -> int:
        """See `NoticeStore.count_failing`: among those whose delay is over and who are not open."""
        return await self._notices.count_documents({"state": NoticeState.RUNNING, "failing": {"$type": "object"}})

    async def count_running(self) -> Mapping[date, int]:
        """See `NoticeStore.count_running`."""
        counted = await self._count({"state": NoticeState.RUNNING}, "$deadline")
        return {date.fromisoformat(day): count for day, count in sorted(counted.items())}

    async def _count(self, match: Document, by: str) -> dict[str, int]:
        group = {"_id": by, "count": {"$sum": 1}}
        rows = await (await self._notices.aggregate([{"$match": match}, {"$group": group}])).to_list()
        return {row["_id"]: row["count"] for row in rows}


def _document(notice: Notice) -> Document:
    sent, returned, code = notice.sent, notice.returned, notice.code
    return {
        "_id": notice.id,
        "record": notice.record,
        "aim": notice.aim,
        "requested_at": notice.requested_at,
        "state": notice.state,
        "deadline": notice.deadline and notice.deadline.isoformat(),
        "code": {
            "number": code.number,
            "hash": Binary(code.hash),
            "replaced": code.replaced,
            "use": code.use and {"at": code.use.at, "purpose": code.use.purpose, "proof": code.use.proof},
        },
        "sent": sent
        and {
            "channel": sent.channel,
            "on": sent.on.isoformat(),
            "policy": sent.policy,
            "deadline": sent.deadline.isoformat(),
        },
        "returned": returned and {"channel": returned.channel, "motive": returned.motive},
        "outcome": notice.outcome,
        "failing": notice.failing and {"attempts": notice.failing.attempts, "retry_at": notice.failing.retry_at},
        "version": notice.version,
    }


def _notice(row: Document) -> Notice:
    code, sent, returned, outcome = row["code"], row["sent"], row["returned"], row["outcome"]
    failing = row.get("failing")
    return Notice(
        id=row["_id"],
        record=row["record"],
        aim=Aim(row["aim"]),
        requested_at=row["requested_at"],
        code=Code(code["number"], bytes(code["hash"]), code["replaced"], code["use"] and _use(code["use"])),
        sent=sent and _sending(sent),
        returned=returned and Return(**returned),
        outcome=outcome and Outcome(outcome),
        failing=failing and Failing(**failing),
        version=row["version"],
    )


def _use(row: Document) -> Use:
    return Use(row["at"], Purpose(row["purpose"]), row["proof"])


def _sending(row: Document) -> Sending:
    return Sending(
        row["channel"], date.fromisoformat(row["on"]), Policy(row["policy"]), date.fromisoformat(row["deadline"])
    )
