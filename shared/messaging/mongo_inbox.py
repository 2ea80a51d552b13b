"""The inbox on MongoDB, and the one transaction in which a batch takes effect."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Self

from bson.max_key import MaxKey
from bson.min_key import MinKey
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared.messaging import instants
from shared.messaging.failures import RacedError
from shared.messaging.store import Commit, Held, OutboxRow, Row, Seen, counted
from shared.messaging.unit import State
from shared.mongo import DURABLE, SNAPSHOT, Document

_COMMIT_TRIES: Final = 3
_SOME: Final = 100
"""Due rows looked at to know whose they are; where there are more, each flow looks for itself."""


class MongoInbox:
    """Inbox rows, outbox rows and the service's own effects share one database and one transaction."""

    def __init__(self, client: AsyncMongoClient[Document], database: AsyncDatabase[Document], process: str) -> None:
        self._client = client
        self._database = database
        self._inbox = database["inbox"]
        self._outbox = database["outbox"]
        self._books = database["books"]
        self._process = process

    def beside(self, lane: object) -> Self:
        """Return the inbox of one of several that commit at the same time in one process: it counts for itself."""
        return type(self)(self._client, self._database, f"{self._process}/{lane}")

    async def prepare(self) -> None:
        """Create the indexes of rows by when they were made and of those that were not simply done; and the books.

        A collection that is first made inside a transaction makes the first commits of two processes meet.
        """
        await self._books.create_index("_id.slice")
        await self._inbox.create_index("at")
        await self._inbox.create_index(
            [("queue", ASCENDING), ("state", ASCENDING), ("due", ASCENDING), ("_id", ASCENDING)],
            partialFilterExpression={"queue": {"$exists": True}},
        )

    async def seen(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        """See `Inbox.seen`."""
        found = self._inbox.find(
            {"_id": {"$in": list(keys)}}, {"digest": 1, "state": 1, "attempts": 1}, batch_size=len(keys)
        )
        return {
            row["_id"]: Seen(bytes(row["digest"]), State(row["state"]), row.get("attempts", 0))
            for row in await found.to_list()
        }

    async def commit(self, commit: Commit) -> None:
        """See `Inbox.commit`. A commit whose fate is unknown is asked again, never run again."""
        async with self._client.start_session() as session:
            await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
            try:
                await self._write(commit, session)
            except BaseException:
                await session.abort_transaction()
                raise
            await _commit(session)

    async def due(self, queue: str, now: datetime, limit: int) -> Sequence[Held]:
        """See `Inbox.due`."""
        query = {"queue": queue, "state": State.WAITING, "due": {"$lte": now}}
        rows = await self._inbox.find(query).sort("due", ASCENDING).limit(limit).to_list()
        return [_held(row) for row in rows]

    async def queues_due(self, queues: Collection[str], now: datetime) -> set[str]:
        """See `Inbox.queues_due`: answered from the index."""
        query = {"queue": {"$in": list(queues)}, "state": State.WAITING, "due": {"$lte": now}}
        rows = await self._inbox.find(query, {"queue": 1, "_id": 0}, limit=_SOME, batch_size=_SOME + 1).to_list()
        return set(queues) if len(rows) == _SOME else {row["queue"] for row in rows}

    async def last(self, queue: str) -> str | None:
        """See `Inbox.last`."""
        book = {"queue": queue, "process": self._process}
        mine = {"$gte": {**book, "slice": MinKey()}, "$lte": {**book, "slice": MaxKey()}}
        row = await self._books.find_one({"_id": mine, "last": {"$ne": None}}, {"last": 1}, sort=[("_id", DESCENDING)])
        return None if row is None else row.get("last")

    async def _write(self, commit: Commit, session: AsyncClientSession) -> None:
        now = commit.outbox[0].created if commit.outbox else instants.now()
        new = [_document(row, now) for row in commit.rows if row.expected is None]
        retried = [_transition(row, now) for row in commit.rows if row.expected is not None]
        if new:
            await self._inbox.insert_many(new, ordered=False, session=session)
        if retried:
            result = await self._inbox.bulk_write(retried, ordered=False, session=session)
            if result.matched_count != len(retried):
                raise RacedError
        for effect in commit.effects:
            await effect(session)
        if commit.outbox:
            await self._outbox.insert_many([outbox_document(row) for row in commit.outbox], session=session)
        if (counts := counted(commit)) or commit.token:
            change = {"$inc": dict(counts), "$set": {"last": commit.token}}
            book = book_id(commit.queue, self._process, now)
            await self._books.update_one({"_id": book}, change, upsert=True, session=session)


def book_id(queue: str, process: str, instant: datetime) -> Document:
    """Return the key of a row of the books: one per queue, process and minute.

    Each process counts in rows of its own, so that counting never makes two processes conflict.
    """
    return {"queue": queue, "process": process, "slice": instants.minute_of(instant)}


async def _commit(session: AsyncClientSession) -> None:
    for attempt in range(_COMMIT_TRIES):
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if attempt == _COMMIT_TRIES - 1 or not error.has_error_label("UnknownTransactionCommitResult"):
                raise
        else:
            return


def _document(row: Row, now: datetime) -> Document:
    """A row that is done or ignored keeps nothing but its key, its digest and its end."""
    document: Document = {"_id": row.key, "digest": row.digest, "state": row.state, "at": now}
    if row.reason is not None:
        document["reason"] = row.reason
    if row.state not in (State.DONE, State.IGNORED):
        document |= _details(row)
    return document


def _held(row: Document) -> Held:
    return Held(
        key=row["_id"],
        digest=bytes(row["digest"]),
        attempts=row["attempts"],
        wire_type=row["type"],
        user=row.get("user"),
        body=bytes(row["body"]),
    )


def _details(row: Row) -> Document:
    details = {
        "queue": row.queue,
        "type": row.wire_type,
        "field": row.field,
        "attempts": row.attempts,
        "due": row.due,
        "last": row.last,
        "fingerprint": row.fingerprint,
        "user": row.user,
        "body": row.body,
    }
    return {name: value for name, value in details.items() if value is not None}


def _transition(row: Row, now: datetime) -> UpdateOne:
    """A retry continues exactly the row it read: a replay, a discard or another worker in between wins."""
    document = _document(row, now)
    key, document["changed"] = document.pop("_id"), document.pop("at")
    kept = {"queue", "type", "field", "due", "last", "fingerprint", "user", "body", "reason"}
    gone = dict.fromkeys(kept - document.keys(), "")
    expected = {"_id": key, "state": State.WAITING, "attempts": row.expected}
    return UpdateOne(expected, {"$set": document, **({"$unset": gone} if gone else {})})


def outbox_document(row: OutboxRow) -> Document:
    """Return an unsent row: what has no ``sent`` date is still to be published."""
    return {
        "_id": row.id,
        "owner": row.owner,
        "exchange": row.exchange,
        "key": row.key,
        "body": row.body,
        "content_type": row.content_type,
        "count": row.count,
        "size": len(row.body),
        "created": row.created,
        "unsent": True,
    }
