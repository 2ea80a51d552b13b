"""What a reader of the log is shown of one entry, as values: who did what and when, as far as it can still be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, TypeAlias

from services.audit.domain.entries import Kept
from services.audit.domain.wording import ActorType, Group


class State(StrEnum):
    """How much of an entry can be shown."""

    SHOWN = "shown"
    ERASED = "erased"
    """What it said was destroyed, as the law wants it; that it was said remains."""
    DAMAGED = "damaged"
    """What it said was changed since: only the entry itself is to be believed."""


class Reader(StrEnum):
    """Who reads the list: a record's person is told less, and is spoken to."""

    PERSON = "person"
    PROFESSIONAL = "professional"


class Unreadable(Enum):
    """Stands for a text that is not there."""

    ERASED = State.ERASED
    DAMAGED = State.DAMAGED


Text: TypeAlias = Mapping[str, Any] | Unreadable
"""A JSON object that was sealed, or why there is none."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry at its place in the list that somebody reads; higher places are newer."""

    place: int
    kept: Kept | None
    """None: what it said was destroyed, or the log does not hold it any more."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who did it; a name or a number is absent where nobody said one."""

    type: ActorType
    name: str | None = None
    number: str | None = None
    """The national id of a professional or of a structure."""
    profession: str | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """One line of a list."""

    index: int
    record: str | None
    """About whom."""
    at: datetime
    """When it happened, as whoever did it says."""
    recorded_at: datetime
    state: State
    group: Group
    action: str
    description: str
    permitted: bool
    who: Who | None
    """None where it can no longer be read."""
    documents: Sequence[str] = ()
    service: str | None = None
    """Whose door it was."""
    rule: str | None = None
    """Which rule permitted or denied it."""
    software: str | None = None
    """What the caller's software called itself."""
    text: str | None = None
    """What the trace's box says, word for word, where this reader may have all of it."""
