"""The log in memory: the same answers as the real one, proved by the suite that both pass."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from services.audit.domain.accesses import Kept
from services.audit.domain.chain import EMPTY, Entry, Head, Leaf, Opening, advance, extend
from services.audit.domain.deeds import DEEDS
from shared.messaging.failures import FencedError, RacedError
from shared.messaging.unit import Unit


@dataclass
class LogStorage:
    """What sequencers and readers share: the rows of the real log."""

    head: Head = EMPTY
    entries: list[Entry] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)


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

    async def recorded(self, keys: Collection[str]) -> set[str]:
        """Return which keys have an entry."""
        return set(keys) & {entry.leaf.key for entry in self._storage.entries}

    def append(self, leaves: Sequence[Leaf], openings: Sequence[Opening], unit: Unit, *, after: Head) -> None:
        """Append once the unit is committed."""
        unit.apply(partial(self._insert, after, extend(after, leaves), list(openings)))

    async def _insert(self, before: Head, entries: list[Entry], openings: list[Opening], _session: Any) -> None:
        if self._storage.head.epoch != before.epoch:
            raise FencedError
        keys = [entry.leaf.key for entry in (*self._storage.entries, *entries)]
        if self._storage.head.size != before.size or len(set(keys)) != len(keys):
            raise RacedError
        self._storage.head = advance(before, entries)
        self._storage.entries += entries
        self._storage.openings += openings


class InMemoryLogReader:
    """`services.audit.ports.LogReader` without a database."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage

    async def head(self) -> Head:
        """Return the head."""
        return self._storage.head

    async def entries(self, start: int, limit: int) -> Sequence[Entry]:
        """Return entries from an index on."""
        return self._storage.entries[start : start + limit]


class InMemoryAccesses:
    """`services.audit.ports.AccessReader` without a database; it writes down that it was asked."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage
        self.asked = 0
        self.destroyed: set[int] = set()
        """Indexes whose opening is gone."""

    async def about(
        self, record: str, *, before: int | None, since: datetime | None, until: datetime | None, limit: int
    ) -> Sequence[Kept]:
        """Return entries about a record, the newest first."""
        self.asked += 1
        found = [
            Kept(entry, None if entry.index in self.destroyed else opening)
            for entry, opening in zip(self._storage.entries, self._storage.openings, strict=True)
            if entry.leaf.subject == record
            and entry.leaf.type in DEEDS
            and (before is None or entry.index < before)
            and (since is None or entry.leaf.recorded_at >= int(since.timestamp() * 1000))
            and (until is None or entry.leaf.recorded_at < int(until.timestamp() * 1000))
        ]
        return found[::-1][:limit]
