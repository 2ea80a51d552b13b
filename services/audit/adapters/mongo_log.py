"""The log in MongoDB, as its one sequencer writes it.

- ``leaves``    {_id: index, event (unique), leaf}: only inserted
- ``tiles``     {_id: "level/place", hashes}: a full tile is never changed
- ``head``      {_id: "head", size, root, time, epoch}: moved with compare-and-set in the transaction that appends
- ``openings``  {_id: index, event, record?, number?, type, at, box}: in a database of its own, to be destroyed one day

Leaves and openings are stored in the order of their index (clustered, MongoDB 6 or later): it saves two index writes
per event, 15 µs of mongod's 80. Such a collection answers ``$in`` by its key with a scan from least to greatest: single
leaves are found by their event, and tiles are stored as usual.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from pymongo import DESCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, OperationFailure

from services.audit.domain.entries import EMPTY, Fresh, Head, Link, Opening
from services.audit.domain.tree import Edge, LogDamagedError, Tile, edge_of, edge_tiles, extend, root_of
from shared.messaging.failures import FencedError, RacedError
from shared.messaging.unit import Unit
from shared.mongo import Document, ensure_index, stated
from verifier.merkle import leaf_hash

REMEMBERED: Final = 50_000
"""Records whose chain's end the sequencer keeps in mind; of others it asks the database."""

_HEAD: Final = {"_id": "head"}
_BY_INDEX: Final = {"key": {"_id": 1}, "unique": True}
_DUPLICATE_KEY: Final = 11000
_NAMESPACE_EXISTS: Final = 48

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Collections:
    """Where the log lies."""

    leaves: AsyncCollection[Document]
    tiles: AsyncCollection[Document]
    head: AsyncCollection[Document]
    openings: AsyncCollection[Document]

    @classmethod
    def of(cls, database: AsyncDatabase[Document]) -> "Collections":
        """Return the collections of an audit database; the openings are in the database beside it."""
        beside = stated(database.client[openings_database(database.name)])
        return cls(database["leaves"], database["tiles"], database["head"], beside["openings"])


@dataclass(slots=True)
class Mind:
    """What the sequencer knows of the log at a root, so that it need not ask."""

    root: bytes
    edge: Edge
    links: dict[str, Link]


class MongoLog:
    """The `Log` of one sequencer. It remembers its epoch; the head is read for each batch."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._at = Collections.of(database)
        self._epoch: int | None = None
        self._repeated = False
        self._mind = Mind(EMPTY.root, {}, {})
        self._planned: dict[bytes, Mind] = {}
        """What will be known once an append is committed, by the root that the head then has."""

    async def take_over(self) -> Head:
        """Begin an epoch: whoever appended before is refused from now on.

        Done with the first batch and not when a process starts, so that a standby, whom the broker gives
        nothing while another consumer is active, does not stop that one.
        """
        row = await self._at.head.find_one_and_update(
            _HEAD,
            {"$inc": {"epoch": 1}, "$setOnInsert": _of_head(EMPTY)},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        head = to_head(row)
        self._epoch = head.epoch
        log.info("log_taken_over", epoch=head.epoch, size=head.size)
        return head

    async def head(self) -> Head:
        """See `Log.head`."""
        if self._epoch is None:
            head = await self.take_over()
        else:
            head = to_head(await self._at.head.find_one(_HEAD))
        if head.epoch != self._epoch:
            raise FencedError
        if head.root != self._mind.root:
            known = self._planned.get(head.root)
            self._planned.clear()
            self._mind = _merged(self._mind, known) if known else await self._asked(head)
        return head

    async def recorded(self, names: Collection[bytes]) -> set[bytes]:
        """See `Log.recorded`. Asks the database only after the unique index has refused an append."""
        if not self._repeated:
            return set()
        self._repeated = False
        asked = list(names)
        found = self._at.leaves.find({"event": {"$in": asked}}, {"_id": 0, "event": 1})
        return {bytes(row["event"]) for row in await found.to_list()}

    async def links(self, records: Collection[str]) -> Mapping[str, Link]:
        """See `Log.links`."""
        known = {record: link for record in records if (link := self._mind.links.get(record))}
        missing = [record for record in records if record not in known]
        return known | await self._asked_links(missing) if missing else known

    async def append(self, entries: Sequence[Fresh], unit: Unit, *, after: Head) -> None:
        """See `Log.append`."""
        edge = self._mind.edge if self._mind.root == after.root else (await self._asked(after)).edge
        growth = extend(after.size, edge, [entry.hash for entry in entries])
        head = Head(after.size + len(entries), growth.root, entries[-1].leaf.recorded_at, after.epoch)
        links = {each.opening.record: Link(each.opening.number or 0, each.hash) for each in entries}
        self._planned[growth.root] = Mind(growth.root, growth.edge, {r: link for r, link in links.items() if r})
        unit.apply(partial(self._insert, after, head, _rows(after.size, entries), growth.tiles))

    async def _insert(
        self, before: Head, after: Head, rows: "Rows", tiles: Mapping[Tile, bytes], session: AsyncClientSession
    ) -> None:
        """Move the head first: two sequencers meet there, before either has written much."""
        moved = await self._at.head.update_one(
            {**_HEAD, "size": before.size, "epoch": before.epoch}, {"$set": _of_head(after)}, session=session
        )
        if not moved.matched_count:
            found = to_head(await self._at.head.find_one(_HEAD, session=session))
            raise RacedError if found.epoch == before.epoch else FencedError
        try:
            await self._at.leaves.insert_many(rows.leaves, session=session)
        except BulkWriteError as error:
            raise self._refused(error) from error
        await self._at.openings.insert_many(rows.openings, session=session)
        written = [
            UpdateOne({"_id": tile_id(tile)}, {"$set": {"hashes": hashes}}, upsert=True)
            for tile, hashes in tiles.items()
        ]
        await self._at.tiles.bulk_write(written, session=session)

    async def _asked(self, head: Head) -> Mind:
        """Read the right edge of the tree, and see that it has the head's root."""
        edge = edge_of(head.size, await read_tiles(self._at.tiles, edge_tiles(head.size)))
        if root_of(head.size, edge) != head.root:
            raise LogDamagedError("the tiles do not have the root of the head")
        return Mind(head.root, edge, {})

    async def _asked_links(self, records: Sequence[str]) -> dict[str, Link]:
        """Read the last entry about each record: one step into the index per record (a DISTINCT_SCAN)."""
        last: list[dict[str, Any]] = [
            {"$match": {"record": {"$in": list(records)}}},
            {"$sort": {"record": DESCENDING, "_id": DESCENDING}},
            {"$group": {"_id": "$record", "event": {"$first": "$event"}, "number": {"$first": "$number"}}},
        ]
        found = await (await self._at.openings.aggregate(last)).to_list()
        leaves = await read_leaves(self._at.leaves, [row["event"] for row in found])
        return {row["_id"]: Link(row["number"], leaf_hash(leaves[bytes(row["event"])])) for row in found}

    def _refused(self, error: BulkWriteError) -> Exception:
        first = error.details["writeErrors"][0]
        if first["code"] != _DUPLICATE_KEY:
            return error
        if "event" not in first["keyPattern"]:
            return LogDamagedError("leaves lie beyond the head")
        self._repeated = True
        return RacedError()


@dataclass(frozen=True, slots=True)
class Rows:
    """What a batch adds."""

    leaves: list[Document]
    openings: list[Document]


async def prepare(database: AsyncDatabase[Document]) -> None:
    """Create the collections and the index that allows one entry per event. Doing it again changes nothing.

    The inbox row, in the same transaction, already keeps an event from being taken twice. The index is the second
    lock, for 15 µs an event: inbox rows are cleared one day, the log is kept for ten years after a record's closure.
    It also finds the entry of an event.
    """
    at = Collections.of(database)
    for collection in (at.leaves, at.head, at.openings, database["signed"], database["checkpoints"]):
        try:
            await collection.database.create_collection(collection.name, check_exists=False, clusteredIndex=_BY_INDEX)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
    await ensure_index(at.leaves, IndexModel("event", unique=True))
    # A person's list, and the end of a record's chain; what is about nobody costs nothing here.
    about = {"record": {"$exists": True}}
    await ensure_index(at.openings, IndexModel([("record", 1), ("_id", 1)], partialFilterExpression=about))


async def read_leaves(leaves: AsyncCollection[Document], events: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the leaves of these events, by what they call them."""
    rows = await leaves.find({"event": {"$in": list(events)}}).to_list() if events else []
    return {bytes(row["event"]): bytes(row["leaf"]) for row in rows}


async def read_tiles(tiles: AsyncCollection[Document], wanted: Iterable[Tile]) -> dict[Tile, bytes]:
    """Return the tiles that are stored."""
    by_id = {tile_id(tile): tile for tile in wanted}
    if not by_id:
        return {}
    rows = await tiles.find({"_id": {"$in": list(by_id)}}).to_list()
    return {by_id[row["_id"]]: bytes(row["hashes"]) for row in rows}


def openings_database(audit: str) -> str:
    """Return the name of the database of openings that stands beside one of audit's, suffix and all."""
    return f"openings{audit.removeprefix('audit')}" if audit.startswith("audit") else f"{audit}_openings"


def tile_id(tile: Tile) -> str:
    """Return under which id a tile is stored."""
    return f"{tile.level}/{tile.place}"


def to_head(row: Document | None) -> Head:
    """Return the head that a row holds; none was written yet: an empty log's."""
    return EMPTY if row is None else Head(row["size"], bytes(row["root"]), row["time"], row["epoch"])


def to_opening(row: Document) -> Opening:
    """Return the opening that a row holds."""
    return Opening(row["type"], row.get("record"), row.get("number"), bytes(row["box"]))


def _of_head(head: Head) -> dict[str, Any]:
    return {"size": head.size, "root": head.root, "time": head.time}


def _rows(start: int, entries: Sequence[Fresh]) -> Rows:
    placed = list(enumerate(entries, start))
    leaves = [{"_id": n, "event": each.leaf.event, "leaf": each.raw} for n, each in placed]
    return Rows(leaves, [_opening_row(n, each) for n, each in placed])


def _opening_row(index: int, entry: Fresh) -> Document:
    opening = entry.opening
    row = {"_id": index, "type": opening.type, "at": entry.leaf.recorded_at, "box": opening.box}
    row["event"] = entry.leaf.event
    return row | {"record": opening.record, "number": opening.number} if opening.record else row


def _merged(mind: Mind, known: Mind) -> Mind:
    links = {**mind.links, **known.links}
    return Mind(known.root, known.edge, links if len(links) <= REMEMBERED else known.links)
