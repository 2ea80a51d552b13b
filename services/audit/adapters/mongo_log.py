"""The log in MongoDB: rows that are only inserted, and one head that only the sequencer of its epoch moves.

- ``entries``   {_id: index, key (unique), type, time, at, subject?, commitment, hash}
- ``openings``  {_id: index, salt, box}: may be destroyed, so it lies apart
- ``head``      {_id: "head", size, hash, epoch}

The hash of the entry before is not repeated: it is the ``hash`` of the row before. Entries and openings are stored
in the order of their index (clustered, MongoDB 6 or later): it saves two index writes per event, 15 µs of mongod's 80.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

import structlog
from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, OperationFailure

from services.audit.domain.chain import EMPTY, GENESIS, Entry, Head, Leaf, Opening, advance, extend
from shared.errors import CarnetError
from shared.messaging.failures import FencedError, RacedError
from shared.messaging.unit import Unit
from shared.mongo import Document, ensure_index

_HEAD: Final = {"_id": "head"}
_COLLECTIONS: Final = ("entries", "openings", "head")
_BY_INDEX: Final = {"key": {"_id": 1}, "unique": True}
_DUPLICATE_KEY: Final = 11000
_NAMESPACE_EXISTS: Final = 48

log = structlog.get_logger()


class LogDamagedError(CarnetError):
    """Entries lie beyond the head: somebody has changed the log by hand, and nothing may be appended."""


class MongoLog:
    """The `Log` of one sequencer. It remembers its epoch; the head is read for each batch."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._entries, self._openings, self._head = (database[name] for name in _COLLECTIONS)
        self._epoch: int | None = None
        self._repeated = False

    async def take_over(self) -> Head:
        """Begin an epoch: whoever appended before is refused from now on.

        Done with the first batch and not when a process starts, so that a standby, whom the broker gives
        nothing while another consumer is active, does not stop that one.
        """
        row = await self._head.find_one_and_update(
            _HEAD,
            {"$inc": {"epoch": 1}, "$setOnInsert": {"size": 0, "hash": GENESIS}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        head = _to_head(row)
        self._epoch = head.epoch
        log.info("log_taken_over", epoch=head.epoch, size=head.size)
        return head

    async def head(self) -> Head:
        """See `Log.head`."""
        if self._epoch is None:
            return await self.take_over()
        head = _to_head(await self._head.find_one(_HEAD))
        if head.epoch != self._epoch:
            raise FencedError
        return head

    async def recorded(self, keys: Collection[str]) -> set[str]:
        """See `Log.recorded`. Asks the database only after the unique index has refused an append."""
        if not self._repeated:
            return set()
        self._repeated = False
        found = self._entries.find({"key": {"$in": list(keys)}}, {"_id": 0, "key": 1})
        return {row["key"] for row in await found.to_list()}

    def append(self, leaves: Sequence[Leaf], openings: Sequence[Opening], unit: Unit, *, after: Head) -> None:
        """See `Log.append`."""
        entries = extend(after, leaves)
        rows = [_to_row(entry) for entry in entries]
        opened = [
            {"_id": entry.index, "salt": opening.salt, "box": opening.box}
            for entry, opening in zip(entries, openings, strict=True)
        ]
        unit.apply(partial(self._insert, after, advance(after, entries), rows, opened))

    async def _insert(
        self, before: Head, after: Head, rows: list[Document], openings: list[Document], session: AsyncClientSession
    ) -> None:
        """Move the head first: two sequencers meet there, before either has written much."""
        moved = await self._head.update_one(
            {**_HEAD, "size": before.size, "epoch": before.epoch},
            {"$set": {"size": after.size, "hash": after.hash}},
            session=session,
        )
        if not moved.matched_count:
            found = _to_head(await self._head.find_one(_HEAD, session=session))
            raise RacedError if found.epoch == before.epoch else FencedError
        try:
            await self._entries.insert_many(rows, session=session)
        except BulkWriteError as error:
            raise self._refused(error) from error
        await self._openings.insert_many(openings, session=session)

    def _refused(self, error: BulkWriteError) -> Exception:
        first = error.details["writeErrors"][0]
        if first["code"] != _DUPLICATE_KEY:
            return error
        if "key" not in first["keyPattern"]:
            return LogDamagedError()
        self._repeated = True
        return RacedError()


class MongoLogReader:
    """The `LogReader`: it takes nothing over."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._entries, _, self._head = (database[name] for name in _COLLECTIONS)

    async def head(self) -> Head:
        """See `LogReader.head`."""
        return _to_head(await self._head.find_one(_HEAD))

    async def entries(self, start: int, limit: int) -> list[Entry]:
        """See `LogReader.entries`."""
        rows = await self._entries.find({"_id": {"$gte": start}}).sort("_id", 1).limit(limit).to_list()
        return [to_entry(row) for row in rows]


async def prepare(database: AsyncDatabase[Document]) -> None:
    """Create the collections and the index that allows one entry per event. Doing it again changes nothing.

    The inbox row, in the same transaction, already keeps an event from being taken twice. The index is the second
    lock, for 15 µs an event: inbox rows are cleared one day, the log is kept for ten years after a record's closure.
    It also finds the entry of an event.
    """
    for name in _COLLECTIONS:
        try:
            await database.create_collection(name, check_exists=False, clusteredIndex=_BY_INDEX)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
    await ensure_index(database["entries"], IndexModel("key", unique=True))
    # A person's list; what is about nobody costs nothing here.
    about = {"subject": {"$exists": True}}
    await ensure_index(database["entries"], IndexModel([("subject", 1), ("_id", 1)], partialFilterExpression=about))


def _to_head(row: Document | None) -> Head:
    return EMPTY if row is None else Head(row["size"], bytes(row["hash"]), row["epoch"])


def _to_row(entry: Entry) -> Document:
    leaf = entry.leaf
    row = {
        "_id": entry.index,
        "key": leaf.key,
        "type": leaf.type,
        "time": leaf.time,
        "at": leaf.recorded_at,
        "commitment": leaf.commitment,
        "hash": entry.hash,
    }
    return row | {"subject": leaf.subject} if leaf.subject else row


def to_entry(row: Document) -> Entry:
    """Return the entry that a row holds."""
    leaf = Leaf(row["key"], row["type"], row["time"], row["at"], row.get("subject"), bytes(row["commitment"]))
    return Entry(row["_id"], leaf, bytes(row["hash"]))
