"""What a trace says of itself in clear: whose deed it is, and its number among those of its producer.

Neither says who that is, nor what was done: it finds entries, and shows where one is missing. The rest of an event
stays as opaque as it came.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from services.audit.domain.envelope import Envelope
from services.audit.domain.wording import TRACE

_NAME: Final = re.compile(r"[0-9a-f]{32}")
_PRODUCER: Final = re.compile(r"[A-Za-z0-9._/-]{1,200}")
_MOST: Final = 2**53


@dataclass(frozen=True, slots=True)
class Mark:
    """What finds a trace beside its record; its entry commits to it (`services.audit.domain.entries`)."""

    actor: str | None
    """The opaque name of a professional or a structure; None for anybody else."""
    producer: str | None
    number: int | None


@dataclass(frozen=True, slots=True)
class Marked:
    """A trace in the log: what its leaf calls the event, about whom, and its mark."""

    name: bytes
    record: str | None
    mark: Mark


def marked(events: Iterable[Envelope]) -> list[Marked]:
    """Return the traces among events that have a mark."""
    return [Marked(event.name, event.subject, mark) for event in events if (mark := mark_of(event)) is not None]


def mark_of(event: Envelope) -> Mark | None:
    """Return what a trace says of itself; None for anything else, and for what has no such form."""
    if event.type != TRACE:
        return None
    said: Any = orjson.loads(event.raw)
    actor, producer, number = said.get("actor"), said.get("producer"), said.get("number")
    if not (isinstance(actor, str) and _NAME.fullmatch(actor)):
        actor = None
    if not (isinstance(producer, str) and is_own(producer, event.source) and _is_number(number)):
        producer = number = None
    return None if actor is None and producer is None else Mark(actor, producer, number)


def is_own(producer: str, source: str) -> bool:
    """Tell whether a producer is a process of the service that speaks; nobody counts for another."""
    return _PRODUCER.fullmatch(producer) is not None and producer.startswith(f"{source.removeprefix('/')}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < _MOST
