"""The log in memory: the same answers as the real one, proved by the suite that both pass."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from services.audit.domain.deeds import DEEDS
from services.audit.domain.entries import EMPTY, Entry, Fresh, Head, Kept, Link, Opening
from services.audit.domain.tree import Tile, edge_of, extend
from shared.messaging.failures import FencedError, RacedError
from shared.messaging.unit import Unit
from verifier.leaves import parse_leaf
from verifier.merkle import leaf_hash


@dataclass
class LogStorage:
    """What sequencers and readers share: the rows of the real log."""

    head: Head = EMPTY
    leaves: list[bytes] = field(default_factory=list)
    tiles: dict[Tile, bytes] = field(default_factory=dict)
    openings: dict[int, Opening] = field(default_factory=dict)

    def entry(self, index: int) -> Entry:
        """Return an entry."""
        return Entry(index, parse_leaf(self.leaves[index]))

    @property
    def names(self) -> list[bytes]:
        """What the leaves call their events."""
        return [parse_leaf(leaf).event for leaf in self.leaves]


class InMemoryLog:
    """`services.audit.ports.Log` without a database."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage
        self._epoch: int | None = None

    async def take_over(self) -> Head:
        """Begin an epoch."""
        self._storage.head = replace(self._storage.head, epoch=self._storage.head.epoch + 1)
        self._epoch = self._storage.head.epoch
        return self._storage.head

    async def head(self) -> Head:
        """Return the head; the first call takes the log over."""
        if self._epoch is None:
            return await self.take_over()
        if self._storage.head.epoch != self._epoch:
            raise FencedError
        return self._storage.head

    async def recorded(self, names: Collection[bytes]) -> set[bytes]:
        """Return which events have an entry."""
        return set(names) & set(self._storage.names)

    async def links(self, records: Collection[str]) -> Mapping[str, Link]:
        """Return the last entries about records."""
        return {
            opening.record: Link(opening.number or 0, leaf_hash(self._storage.leaves[index]))
            for index, opening in sorted(self._storage.openings.items())
            if opening.record in records and opening.record is not None
        }

    async def append(self, entries: Sequence[Fresh], unit: Unit, *, after: Head) -> None:
        """Append once the unit is committed."""
        unit.apply(partial(self._insert, after, list(entries)))

    async def _insert(self, before: Head, entries: list[Fresh], _session: Any) -> None:
        stored = self._storage
        if stored.head.epoch != before.epoch:
            raise FencedError
        names = [*stored.names, *(entry.leaf.event for entry in entries)]
        if stored.head.size != before.size or len(set(names)) != len(names):
            raise RacedError
        growth = extend(before.size, edge_of(before.size, stored.tiles), [entry.hash for entry in entries])
        stored.tiles |= growth.tiles
        stored.openings |= {n: entry.opening for n, entry in enumerate(entries, before.size)}
        stored.leaves += [entry.raw for entry in entries]
        stored.head = Head(len(stored.leaves), growth.root, entries[-1].leaf.recorded_at, before.epoch)


class InMemoryLogReader:
    """`services.audit.ports.LogReader` without a database."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage

    async def head(self) -> Head:
        """Return the head."""
        return self._storage.head

    async def leaves(self, start: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Return leaves from an index on."""
        return list(enumerate(self._storage.leaves))[start : start + limit]

    async def openings(self, start: int, limit: int) -> Mapping[int, Opening]:
        """Return openings from an index on."""
        return {n: opening for n, opening in self._storage.openings.items() if start <= n < start + limit}


class InMemoryAccesses:
    """`services.audit.ports.AccessReader` without a database; it writes down that it was asked."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage
        self.asked = 0

    async def about(
        self, record: str, *, before: int | None, since: datetime | None, until: datetime | None, limit: int
    ) -> Sequence[Kept]:
        """Return entries about a record, the newest first."""
        self.asked += 1
        kept = [
            Kept(self._storage.entry(index), opening)
            for index, opening in sorted(self._storage.openings.items(), reverse=True)
            if opening.record == record and opening.type in DEEDS and (before is None or index < before)
        ]
        return [
            each
            for each in kept
            if (since is None or each.entry.leaf.recorded_at >= int(since.timestamp() * 1000))
            and (until is None or each.entry.leaf.recorded_at < int(until.timestamp() * 1000))
        ][:limit]
