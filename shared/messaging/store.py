"""What the messaging core asks of storage: rows, commits, waiting events, unsent messages."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from shared.messaging import instants
from shared.messaging.unit import Effect, State


@dataclass(slots=True)
class Row:
    """One event's row in the inbox, as a commit writes it."""

    key: str
    digest: bytes
    state: State
    queue: str
    wire_type: str
    reason: str | None = None
    field: str | None = None
    attempts: int = 0
    due: datetime | None = None
    last: State = State.PARKED
    fingerprint: str | None = None
    user: str | None = None
    """The authenticated publisher, for a retry to know it."""
    body: bytes | None = None
    """The event, sealed, while it may still be processed."""
    expected: int | None = None
    """None: the row must be new. Otherwise it must be waiting with this many attempts (rule 2)."""
    origin: str | None = None
    """See `Delivery.origin`."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One AMQP message, ready to be sent: events of one type, at most 200 and 1 MiB (rule 7)."""

    id: str
    owner: str
    """The process whose task it is to send it."""
    exchange: str
    key: str
    body: bytes
    content_type: str
    count: int
    created: datetime = field(default_factory=instants.now, compare=False)
    """By this the ledger counts it, with what it says, wherever it is counted; all rows of a commit have the same."""


class Place(NamedTuple):
    """Where a message stands among an owner's."""

    created: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Commit:
    """All that one transaction does."""

    rows: Sequence[Row]
    effects: Sequence[Effect] = ()
    outbox: Sequence[OutboxRow] = ()
    tally: Mapping[str, int] = field(default_factory=dict)
    """Increments of this process's books: dotted names such as ``done`` or ``refused.ins-key``."""
    queue: str = ""
    token: str | None = None
    """Names this commit among all of its process and queue, for `Inbox.last`."""


def counted(commit: Commit) -> Counter[str]:
    """Return all increments of the books: the tally, and what the ledger compares.

    ``rows`` are inbox rows that are new, ``heard.<service>.<minute>`` those of them by who published them when,
    ``made.<exchange>.<key>`` messages.
    """
    total = Counter(commit.tally)
    new = [row.origin for row in commit.rows if row.expected is None]
    if new:
        total["rows"] += len(new)
        total.update(f"heard.{origin}" for origin in new if origin is not None)
    total.update(f"made.{row.exchange}.{row.key}" for row in commit.outbox)
    return total


@dataclass(frozen=True, slots=True)
class Seen:
    """What the inbox already knows of a key."""

    digest: bytes
    state: State
    attempts: int


@dataclass(frozen=True, slots=True)
class Held:
    """A row whose event was not ended yet: waiting, parked or quarantined."""

    key: str
    digest: bytes
    attempts: int
    wire_type: str
    user: str | None
    body: bytes


class Inbox(Protocol):
    """The only store of what was seen, waits or is parked (rules 1 and 2)."""

    async def seen(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        """Return what is known of these keys, as a majority of the replica set knows it."""

    async def commit(self, commit: Commit) -> None:
        """Apply everything or nothing; raise `RacedError` if a row is not as expected."""

    async def due(self, queue: str, now: datetime, limit: int) -> Sequence[Held]:
        """Return waiting rows whose time has come, the longest due first."""

    async def queues_due(self, queues: Collection[str], now: datetime) -> set[str]:
        """Return those of these queues in which a waiting row's time has come, in one look; all where many are due."""

    async def last(self, queue: str) -> str | None:
        """Return the token of this process's latest commit for a queue: it tells what became of an unknown one."""


class Outbox(Protocol):
    """The truth about what has been published (rule 7)."""

    async def mark_sent(self, ids: Collection[str]) -> None:
        """Note the broker's confirmation."""

    async def unsent(self, owner: str, limit: int, after: Place | None = None) -> Sequence[OutboxRow]:
        """Return an owner's rows that have waited over 5 s for a confirmation, the oldest of them after a place."""

    async def adopt(self, owner: str) -> Counter[str]:
        """Take over unsent rows of owners silent for 30 s; return how many of whom."""

    async def beat(self, owner: str) -> None:
        """Tell, by the server's clock, that a process is alive."""
