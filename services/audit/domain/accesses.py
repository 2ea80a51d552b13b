"""What a person is shown of one entry: who did what and when, as far as it can still be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final, TypeAlias

from services.audit.domain.deeds import DEEDS
from services.audit.domain.entries import Kept
from services.audit.domain.wording import (
    ABOUT_ONE,
    ACTIONS,
    ACTORS,
    NAMES,
    SOMEBODY_ELSE,
    TRACE,
    UNTOLD,
    ActorType,
    Group,
    Words,
)


class State(StrEnum):
    """How much of an entry can be shown."""

    SHOWN = "shown"
    ERASED = "erased"
    """What it said was destroyed, as the law wants it; that it was said remains."""
    DAMAGED = "damaged"
    """What it said was changed since: only the entry itself is to be believed."""


class Unreadable(Enum):
    """Stands for a text that is not there."""

    ERASED = State.ERASED
    DAMAGED = State.DAMAGED


Text: TypeAlias = Mapping[str, Any] | Unreadable
"""A JSON object that was sealed, or why there is none."""


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
    """One line of a person's list."""

    index: int
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


_EPOCH_MS: Final = 1000


def access_of(kept: Kept, event: Text, box: Text | None) -> Access | None:
    """Return the line of an entry: ``event`` is what it commits to, ``box`` what a trace's own box holds.

    None: it is about a document of which the person is to learn nothing, neither that it is there nor that somebody
    read it (F35).
    """
    if kept.opening.type == TRACE:
        return _trace(kept, event, box if box is not None else Unreadable.DAMAGED)
    deed = DEEDS[kept.opening.type]
    if isinstance(event, Unreadable):
        return _line(kept, event, deed.words, deed.words.done, state=State(event.value))
    data = _mapping(event.get("data"))
    documents = _names(data, "document_id")
    return _line(kept, event, deed.words, deed.sentence(data), who=_own(deed.actor), documents=documents)


def box_of(event: Text) -> tuple[str, str] | None:
    """Return the id and the sealed text of a trace's box; None if the event holds none."""
    data = _mapping(event.get("data")) if isinstance(event, Mapping) else {}
    trace, sealed = data.get("trace_id"), data.get("sealed")
    return (trace, sealed) if isinstance(trace, str) and isinstance(sealed, str) else None


def _trace(kept: Kept, event: Text, box: Text) -> Access | None:
    if isinstance(event, Unreadable):
        return _line(kept, event, UNTOLD, UNTOLD.done, state=State(event.value))
    data = _mapping(event.get("data"))
    words, permitted = ACTIONS.get(str(data.get("action")), UNTOLD), data.get("outcome") == "permitted"
    if isinstance(box, Unreadable):
        words = UNTOLD if words.code in ABOUT_ONE else words  # the box alone says whether it may be told
        return _line(kept, event, words, _sentence(words, permitted), state=State(box.value), permitted=permitted)
    hidden = _names(box, "hidden")
    if hidden and words.code in ABOUT_ONE:
        return None
    documents = [name for name in _names(box, "documents") if name not in hidden]
    if words.code == "document-deposited" and not permitted:
        documents = []  # what was not taken is not in the record, and another one may bear its name there
    who = _who(_mapping(box.get("actor")))
    return _line(kept, event, words, _sentence(words, permitted), permitted=permitted, who=who, documents=documents)


def _sentence(words: Words, permitted: bool) -> str:
    return words.done if permitted or words.refused is None else words.refused


def _line(
    kept: Kept,
    event: Text,
    words: Words,
    sentence: str,
    *,
    state: State = State.SHOWN,
    permitted: bool = True,
    who: Who | None = None,
    documents: Sequence[str] = (),
) -> Access:
    recorded = datetime.fromtimestamp(kept.entry.leaf.recorded_at / _EPOCH_MS, UTC)
    said = event.get("time") if isinstance(event, Mapping) else None
    return Access(
        index=kept.entry.index,
        at=_instant(said) or recorded,
        recorded_at=recorded,
        state=state,
        group=words.group,
        action=words.code,
        description=sentence,
        permitted=permitted,
        who=who,
        documents=documents,
    )


def _who(actor: Mapping[str, Any]) -> Who:
    kind = ACTORS.get(str(actor.get("kind")), ActorType.SUPPORT)
    told = {name: value for name in ("name", "number", "profession", "organisation") if (value := _text(actor, name))}
    if kind is ActorType.SUPPORT:
        return _own(kind)  # an agent acts for the service: the log knows who, the person need not
    if kind is ActorType.PATIENT and "number" in told:
        return Who(kind, SOMEBODY_ELSE)  # the own person has no number in a trace
    return Who(kind, **told)


def _own(actor: ActorType) -> Who:
    return Who(actor, NAMES.get(actor))


def _names(data: Mapping[str, Any], field: str) -> Sequence[str]:
    value = data.get(field)
    listed = value if isinstance(value, list) else [value]
    return tuple(name for name in listed if isinstance(name, str))


def _text(data: Mapping[str, Any], field: str) -> str | None:
    value = data.get(field)
    return value if isinstance(value, str) and value else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _instant(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
