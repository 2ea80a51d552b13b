"""The log in MongoDB, as its one sequencer writes it (`log_rows` says where it lies)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from pymongo import DESCENDING, ReturnDocument, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from services.audit.adapters.log_rows import (
    Collections,
    Rows,
    of_head,
    read_leaves,
    read_tiles,
    rows_of,
    tile_id,
    to_head,
)
from services.audit.domain.entries import EMPTY, Fresh, Head, Link
from services.audit.domain.tree import (
    Edge,
    LogDamagedError,
    Tile,
    edge_of,
    edge_tiles,
    extend,
    root_of,
)
from shared.messaging.failures import FencedError, RacedError
from shared.messaging.unit import Unit
from shared.mongo import Document
from verifier.merkle import leaf_hash

REMEMBERED: Final = 50_000
"""Records whose chain's end the sequencer keeps in mind; of others it asks the database."""

PLANNED: Final = 8
"""Appends of which it is not known yet whether they were committed; each try while the database is away is one."""

_HEAD: Final = {"_id": "head"}
_DUPLICATE_KEY: Final = 11000

log = structlog.get_logger()


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
            {"$inc": {"epoch": 1}, "$setOnInsert": of_head(EMPTY)},
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
        if len(self._planned) == PLANNED:
            del self._planned[next(iter(self._planned))]
        self._planned[growth.root] = Mind(growth.root, growth.edge, {r: link for r, link in links.items() if r})
        unit.apply(partial(self._insert, after, head, rows_of(after.size, entries), growth.tiles))

    async def _insert(
        self, before: Head, after: Head, rows: Rows, tiles: Mapping[Tile, bytes], session: AsyncClientSession
    ) -> None:
        """Move the head first: two sequencers meet there, before either has written much."""
        moved = await self._at.head.update_one(
            {**_HEAD, "size": before.size, "epoch": before.epoch}, {"$set": of_head(after)}, session=session
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


def _merged(mind: Mind, known: Mind) -> Mind:
    links = {**mind.links, **known.links}
    return Mind(known.root, known.edge, links if len(links) <= REMEMBERED else known.links)
