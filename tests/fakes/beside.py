"""What stands beside the log, in memory: marks, numbers, overseers, checkpoints; and audit's flow of everything."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from services.audit.domain.checkpoints import Signed
from services.audit.domain.entries import Kept
from services.audit.domain.envelope import Envelope
from services.audit.domain.marks import Marked
from services.audit.domain.overseers import Overseer
from services.audit.domain.series import Series
from services.audit.domain.shown import Placed
from services.audit.domain.tree import Pyramid, Tile, pyramid
from services.audit.subscribers import subscriptions
from shared.clock import Clock
from shared.messaging.subscription import Subscription
from shared.messaging.unit import Unit
from shared.sealing import Key
from tests.fakes.audit import InMemoryLog, LogStorage
from tests.fakes.signing import LOG, NORTH, ORIGIN, SOUTH, noted
from tests.fakes.vault import InMemoryVault
from verifier.checkpoints import Checkpoint


class InMemoryMarks:
    """`services.audit.ports.MarkStore` and `MarkReader` without a database."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage
        self.rows: dict[bytes, tuple[int, int, Marked]] = {}

    def add(self, marks: Sequence[Marked], at: datetime, unit: Unit) -> None:
        """Write marks down once the unit is committed."""
        unit.apply(partial(self._insert, list(marks), _ms(at)))

    async def of(
        self,
        actor: str,
        *,
        record: str | None,
        before: int | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[Placed]:
        """Return an actor's traces, the newest first."""
        entries = {index: self._storage.entry(index) for index in self._storage.openings}
        kept = {entry.leaf.event: Kept(entry, self._storage.openings[index]) for index, entry in entries.items()}
        found = [
            Placed(place, kept.get(mark.name))
            for place, at, mark in self.rows.values()
            if mark.mark.actor == actor
            and record in (None, mark.record)
            and (before is None or place < before)
            and (since is None or at >= _ms(since))
            and (until is None or at < _ms(until))
        ]
        return sorted(found, key=lambda each: -each.place)[:limit]

    async def _insert(self, marks: Sequence[Marked], at: int, _session: Any) -> None:
        for mark in marks:
            self.rows.setdefault(mark.name, (len(self.rows), at, mark))


class InMemoryOverseers:
    """`services.audit.ports.OverseerStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Overseer] = {}

    async def of(self, record: str, professional: str) -> Overseer | None:
        """Return what was said last of a professional and a record."""
        return self.rows.get(f"{record}/{professional}")

    def save(self, overseers: Sequence[Overseer], unit: Unit) -> None:
        """Write down what was said last."""
        unit.apply(partial(self._save, list(overseers)))

    async def _save(self, overseers: Sequence[Overseer], _session: Any) -> None:
        for each in overseers:
            if each.id not in self.rows or each.version > self.rows[each.id].version:
                self.rows[each.id] = each


class InMemorySeries:
    """`services.audit.ports.SeriesStore` without a database, over the marks of the same log."""

    def __init__(self, marks: InMemoryMarks, now: Callable[[], datetime]) -> None:
        self._marks = marks
        self._now = now
        self.series: dict[str, Series] = {}
        self.counts: dict[str, int] = {}

    async def take(self) -> None:
        """Take up all marks and statements."""
        numbers: dict[str, list[int]] = {producer: [] for producer in self.counts}
        for _, _, mark in self._marks.rows.values():
            if mark.mark.producer is not None and mark.mark.number is not None:
                numbers.setdefault(mark.mark.producer, []).append(mark.mark.number)
        for producer, seen in numbers.items():
            series = self.series.get(producer, Series()).seen(seen, self._now())
            self.series[producer] = series.told(self.counts.get(producer, 0), self._now())

    def told(self, counts: Mapping[str, int], unit: Unit) -> None:
        """Write down how far producers say that they are."""
        unit.apply(partial(self._tell, dict(counts)))

    async def incomplete(self) -> Mapping[str, Series]:
        """Return the producers that have gaps."""
        return {producer: series for producer, series in self.series.items() if series.gaps}

    async def all(self, after: str | None, limit: int, *, gaps: bool = False) -> Sequence[tuple[str, Series]]:
        """Return producers in the order of their names."""
        series = await self.incomplete() if gaps else self.series
        return [item for item in sorted(series.items()) if after is None or item[0] > after][:limit]

    async def _tell(self, counts: Mapping[str, int], _session: Any) -> None:
        for producer, last in counts.items():
            self.counts[producer] = max(last, self.counts.get(producer, 0))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def log_flow(storage: LogStorage, clock: Clock) -> Subscription[Envelope]:
    """Return audit's flow of everything, on a log in memory."""
    marks = InMemoryMarks(storage)
    flow, *_ = subscriptions(
        log=InMemoryLog(storage),
        vault=InMemoryVault(),
        own_key=Key(bytes(16), bytes(32)),
        clock=clock,
        marks=marks,
        series=InMemorySeries(marks, clock.now),
        overseers=InMemoryOverseers(),
    )
    return flow


class InMemoryTiles:
    """`services.audit.ports.Tiles` without a database."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage

    async def tiles(self, wanted: Collection[Tile]) -> Mapping[Tile, bytes]:
        """Return tiles as they are stored."""
        return {tile: self._storage.tiles[tile] for tile in wanted if tile in self._storage.tiles}

    async def pyramids(self, wanted: Collection[Tile], _size: int) -> Mapping[Tile, Pyramid]:
        """Return all the hashes of tiles."""
        return {tile: pyramid(held) for tile, held in (await self.tiles(wanted)).items()}


class InMemoryCheckpoints:
    """`services.audit.ports.Checkpoints`, signed by the log and both witnesses of the tests."""

    def __init__(self, storage: LogStorage) -> None:
        self._storage = storage
        self._published: Signed | None = None

    def publish(self) -> None:
        """Sign what the log is now."""
        head = self._storage.head
        checkpoint = Checkpoint(ORIGIN, head.size, head.root)
        self._published = Signed(checkpoint, noted(LOG, NORTH, SOUTH, text=checkpoint.text).decode())

    async def published(self) -> Signed | None:
        """Return what was signed last."""
        return self._published
