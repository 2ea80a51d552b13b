"""What the broker hands over: one message, acknowledged once every event of it has a committed row."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.errors import RefusedError
from shared.messaging.instants import minute_name

_SERVICE: Final = re.compile(r"[a-z]{1,30}")


@dataclass(slots=True)
class Delivery:
    """One AMQP message and the means to acknowledge it; ``pending`` counts its events without a row."""

    body: bytes
    content_type: str | None
    routing_key: str
    message_id: str | None
    user: str | None
    """The publisher as the broker verified it; None where the publisher did not say."""
    redelivered: bool
    acknowledge: Callable[[], Awaitable[None]]
    pending: int = 0
    origin: str | None = None
    """The service that published it and the minute in which that was committed, as ``records.2026-11-22T02:47``."""
    returns: int | None = None
    """How often this copy came back to its queue, as the broker counts; None where it does not say."""
    gone: Callable[[], bool] = lambda: False
    """Whether the channel that brought it is closed: it cannot be acknowledged, and the broker hands it over again."""


@dataclass(slots=True)
class Incoming:
    """One event on its way through a commit: where it came from and what became of it so far.

    Not frozen, nor is its row: making a frozen object takes three times as long, and each event makes both.
    """

    key: str
    """Inbox key: flow, source and id; for what has no trustworthy id, the hash of its message and its place."""
    digest: bytes
    """Keyed hash of the content: the same key with another digest is a reused id."""
    raw: bytes
    """The event as canonical JSON: what a waiting row keeps, sealed."""
    wire_type: str
    """The routing key it came by."""
    user: str | None
    """The authenticated publisher."""
    event: Any
    """What the subscription's admission made of it; None if it was refused before it became an event."""
    refusal: "Refusal | None" = None
    error: Exception | None = None
    """What the admission raised though it should not have: a bug that this event, alone, has to bear."""
    position: int = 0
    """Its place in its message, from 0."""
    attempts: int | None = None
    """None at first sight; for a retry, the attempts of the waiting row that this one continues."""
    former: str | None = None
    """The key of the waiting row that it had while it could not be read; ``key`` is its own since it can."""
    delivery: Delivery | None = None

    @property
    def redelivered(self) -> bool:
        """Whether the broker handed this copy over before, and perhaps nobody settled it then."""
        return self.delivery is not None and self.delivery.redelivered


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event was refused before any handler saw it, and what its sender needs to find it."""

    error: RefusedError
    position: int
    refused_id: str | None
    message_id: str | None
    user: str | None
    wire_type: str


def origin_of(service: str | None, made: datetime | None) -> str | None:
    """Return a delivery's origin; None where its properties do not say, or not in the form that our own have."""
    if service is None or made is None or not _SERVICE.fullmatch(service):
        return None
    return f"{service}.{minute_name(made)}"
