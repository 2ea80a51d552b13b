"""How the log lies in MongoDB.

- ``leaves``    {_id: index, event (unique), leaf}: only inserted
- ``tiles``     {_id: "level/place", hashes}: a full tile is never changed
- ``head``      {_id: "head", size, root, time, epoch}: moved with compare-and-set in the transaction that appends
- ``openings``  {_id: index, event, record?, number?, type, at, box}: in a database of its own, to be destroyed one day

Leaves and openings are stored in the order of their index (clustered, MongoDB 6 or later): it saves two index writes
per event, 15 µs of mongod's 80. Such a collection answers ``$in`` by its key with a scan from least to greatest: single
leaves are found by their event, and tiles are stored as usual.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from services.audit.domain.entries import EMPTY, Fresh, Head, Opening
from services.audit.domain.tree import Tile
from shared.mongo import Document, ensure_index, stated

_BY_INDEX: Final = {"key": {"_id": 1}, "unique": True}
_NAMESPACE_EXISTS: Final = 48


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


def of_head(head: Head) -> dict[str, Any]:
    """Return the row of a head, but for its epoch, which only a sequencer that takes over changes."""
    return {"size": head.size, "root": head.root, "time": head.time}


def rows_of(start: int, entries: Sequence[Fresh]) -> Rows:
    """Return what a batch adds to a log of so many entries."""
    placed = list(enumerate(entries, start))
    leaves = [{"_id": n, "event": each.leaf.event, "leaf": each.raw} for n, each in placed]
    return Rows(leaves, [_opening_row(n, each) for n, each in placed])


def _opening_row(index: int, entry: Fresh) -> Document:
    opening = entry.opening
    row = {"_id": index, "type": opening.type, "at": entry.leaf.recorded_at, "box": opening.box}
    row["event"] = entry.leaf.event
    return row | {"record": opening.record, "number": opening.number} if opening.record else row
