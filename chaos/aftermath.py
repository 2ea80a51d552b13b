"""What was left when nothing moved any more: plain data, read by `chaos.looking` and judged by `chaos.checker`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class End(NamedTuple):
    """What became of an event in a flow."""

    state: str
    reason: str | None = None


class Sent(NamedTuple):
    """An event that a service published, from its outbox."""

    exchange: str
    type: str
    cause: str | None
    """``source|id`` of the event that caused it."""
    subject: str | None
    names: int | str | None = None
    """What the checker needs of its data: a line's or a document's id, a registration's version, a number of lines."""


class Trace(NamedTuple):
    """Who did what, as a trace in the log tells it."""

    action: str
    permitted: bool
    kind: str
    number: str | None
    record: str | None
    about: str | None
    """The one document, or the professional, that the request named."""


class Reign(NamedTuple):
    """A process in charge of the log: since which epoch, at which size of the log."""

    process: str
    epoch: int
    size: int


class Adoption(NamedTuple):
    """A process took over what another had not sent."""

    at: float
    """Seconds of the history."""
    owner: str
    """The process that had not sent it, by its own name."""
    member: str | None
    """The rig's name of it, as ``records.worker.1``; None for one that nobody heard of."""
    since: float
    """When it was first heard of, in seconds of the history."""


@dataclass(slots=True)
class Aftermath:
    """Keys are ``source|id``, the name of an event in every service."""

    rows: dict[str, dict[str, End]] = field(default_factory=dict)
    """Inbox rows by flow and key."""
    sent: dict[str, Sent] = field(default_factory=dict)
    sent_twice: list[str] = field(default_factory=list)
    """Events that stand in two outbox rows."""
    log: Counter[str] = field(default_factory=Counter)
    """How many entries each event has in the log."""
    log_fault: str | None = None
    reigns: list[Reign] = field(default_factory=list)
    """Who took the log over; the last is nobody's, one epoch after the head's and at its size."""
    appended: Counter[str] = field(default_factory=Counter)
    """How many entries each process counted as its own."""
    lines: dict[str, str] = field(default_factory=dict)
    """By line, the id of the event that brought it."""
    documents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By document, those that it replaces."""
    registered: dict[str, int] = field(default_factory=dict)
    """The version of each record's registration, as records has it."""
    contacts: dict[str, int] = field(default_factory=dict)
    """The same, as notifications has it."""
    traces: Counter[Trace] = field(default_factory=Counter)
    """Those that are in the log."""
    traces_unreadable: int = 0
    summaries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What ``/ops/messaging`` says, by service."""
    adoptions: list[Adoption] = field(default_factory=list)
    """When processes took over what others had not sent."""
    stuck: dict[str, int] = field(default_factory=dict)
    """What still moved when patience ended, in words that end a sentence."""
