"""The messaging core's storage and broker in memory: the same answers as the real ones, and faults on demand."""

import asyncio
import copy
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from shared.clock import Clock
from shared.messaging.failures import RacedError, ReturnedError
from shared.messaging.store import Commit, Held, OutboxRow, Place, Row, Seen, counted
from shared.messaging.unit import State

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
REREAD_AFTER = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=30)

When = Literal["seen", "before", "after"]


@dataclass(slots=True)
class ManualClock:
    """A clock that moves when it is told to."""

    instant: datetime = NOON

    def now(self) -> datetime:
        """Return the instant it shows."""
        return self.instant

    def advance(self, **delta: float) -> None:
        """Move on: ``advance(seconds=5)``."""
        self.instant += timedelta(**delta)


@dataclass(slots=True)
class Sent:
    """An outbox row and what its collection knows of it."""

    row: OutboxRow
    created: datetime
    sent: bool = False


class InMemoryOutbox:
    """`Outbox` without a database; its clock stands for the server's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: dict[str, Sent] = {}
        self.beats: dict[str, datetime] = {}
        self.fault: Exception | None = None
        """Raised by every call while it is set."""

    def insert(self, rows: Iterable[OutboxRow]) -> None:
        """Add rows, as a commit does."""
        for row in rows:
            self.rows[row.id] = Sent(row, self._clock.now())

    async def mark_sent(self, ids: Collection[str]) -> None:
        """See `Outbox.mark_sent`."""
        self._fail()
        for row_id in ids:
            if row_id in self.rows:
                self.rows[row_id].sent = True

    async def unsent(self, owner: str, limit: int, after: Place | None = None) -> Sequence[OutboxRow]:
        """See `Outbox.unsent`."""
        self._fail()
        old = (replace(each.row, created=each.created) for each in self._older(REREAD_AFTER))
        mine = sorted((Place(row.created, row.id), row) for row in old if row.owner == owner)
        return [row for place, row in mine if after is None or place > after][:limit]

    async def adopt(self, owner: str) -> Counter[str]:
        """See `Outbox.adopt`."""
        self._fail()
        alive = {who for who, beat in self.beats.items() if self._clock.now() - beat <= SILENT_AFTER}
        orphans = [each for each in self._older(SILENT_AFTER) if each.row.owner not in alive]
        taken = Counter(each.row.owner for each in orphans)
        for each in orphans:
            each.row = replace(each.row, owner=owner)
        return taken

    async def beat(self, owner: str) -> None:
        """See `Outbox.beat`."""
        self._fail()
        self.beats[owner] = self._clock.now()

    def _older(self, age: timedelta) -> list[Sent]:
        return [each for each in self.rows.values() if not each.sent and self._clock.now() - each.created > age]

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


class InMemoryInbox:
    """`Inbox` without a database: a commit is all or nothing, the stores that the effects write to included."""

    def __init__(self, outbox: InMemoryOutbox, stores: Sequence[dict[Any, Any]] = (), process: str = "p1") -> None:
        self._outbox = outbox
        self._stores = stores
        self._process = process
        self._last: dict[tuple[str, str], str | None] = {}
        self._lock = asyncio.Lock()
        self.rows: dict[str, Row] = {}
        self.books: dict[str, Counter[str]] = {}
        self.commits: list[Commit] = []
        self.faults: deque[tuple[When, BaseException]] = deque()
        """Raised one after another: before or after a commit takes effect, or when the inbox is read."""

    async def seen(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        """See `Inbox.seen`."""
        self._fail("seen")
        await asyncio.sleep(0)
        found = {key: self.rows[key] for key in keys if key in self.rows}
        return {key: Seen(row.digest, row.state, row.attempts) for key, row in found.items()}

    async def commit(self, commit: Commit) -> None:
        """See `Inbox.commit`."""
        self._fail("before")
        async with self._lock:
            await self._write(commit)
        self._fail("after")

    async def _write(self, commit: Commit) -> None:
        await asyncio.sleep(0)
        saved = [dict(store) for store in self._stores]
        self._check(commit.rows)
        try:
            for effect in commit.effects:
                await effect(None)
        except BaseException:
            for store, before in zip(self._stores, saved, strict=True):
                store.clear()
                store.update(before)
            raise
        self.rows |= {row.key: row for row in commit.rows}
        self._outbox.insert(commit.outbox)
        self.books.setdefault(commit.queue, Counter()).update(counted(commit))
        if commit.token:
            self._last[self._process, commit.queue] = commit.token
        self.commits.append(commit)

    async def due(self, queue: str, now: datetime, limit: int) -> Sequence[Held]:
        """See `Inbox.due`."""
        self._fail("seen")
        waiting = [row for row in self.rows.values() if row.queue == queue and row.state is State.WAITING]
        due = sorted((row.due, row.key, row) for row in waiting if row.due is not None and row.due <= now)
        return [
            Held(row.key, row.digest, row.attempts, row.wire_type, row.user, row.body)
            for _, _, row in due[:limit]
            if row.body is not None
        ]

    async def queues_due(self, queues: Collection[str], now: datetime) -> set[str]:
        """See `Inbox.queues_due`."""
        return {queue for queue in queues if await self.due(queue, now, 1)}

    async def last(self, queue: str) -> str | None:
        """See `Inbox.last`."""
        return self._last.get((self._process, queue))

    def beside(self, process: str) -> Self:
        """Return the inbox of another process on the same database."""
        other = copy.copy(self)
        other._process = process
        return other

    def replay(self, key: str) -> None:
        """Do what an operator does to a held row: due at once, with all its attempts before it."""
        self.rows[key] = replace(self.rows[key], state=State.WAITING, due=NOON, attempts=0)

    def states(self) -> Counter[State]:
        """Return how many rows ended how."""
        return Counter(row.state for row in self.rows.values())

    def _check(self, rows: Sequence[Row]) -> None:
        """A row that must be new is; one that goes on is still waiting with the attempts it was read with."""
        if len({row.key for row in rows}) != len(rows):
            raise RacedError
        for row in rows:
            known = self.rows.get(row.key)
            if row.expected is None and known is not None:
                raise RacedError
            if row.expected is not None and (
                known is None or known.state is not State.WAITING or known.attempts != row.expected
            ):
                raise RacedError

    def _fail(self, when: When) -> None:
        if self.faults and self.faults[0][0] == when:
            raise self.faults.popleft()[1]


@dataclass(slots=True)
class RecordingPublisher:
    """`Publisher` without a broker."""

    sent: list[OutboxRow] = field(default_factory=list)
    fault: BaseException | None = None
    """Raised by every publication while it is set: the broker is away."""
    unroutable: set[str] = field(default_factory=set)
    """Routing keys that no queue is bound to."""
    open: asyncio.Event | None = None
    """While it is not set, publications hang."""
    flying: Counter[str] = field(default_factory=Counter)
    overlaps: int = 0
    """How often a row was published while it was in flight already."""

    async def publish(self, row: OutboxRow) -> None:
        """See `Publisher.publish`."""
        self.overlaps += self.flying[row.id] > 0
        self.flying[row.id] += 1
        try:
            if self.open is not None:
                await self.open.wait()
            await asyncio.sleep(0)
            if self.fault is not None:
                raise self.fault
            if row.key in self.unroutable:
                raise ReturnedError
            self.sent.append(row)
        finally:
            self.flying[row.id] -= 1

    @property
    def ids(self) -> list[str]:
        """Return the ids of what was confirmed, in order."""
        return [row.id for row in self.sent]
