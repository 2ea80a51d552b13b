"""From an entry and what it says to the line that a reader is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from services.audit.domain.deeds import DEEDS, Deed
from services.audit.domain.entries import Kept
from services.audit.domain.shown import Access, Reader, State, Text, Unreadable, Who
from services.audit.domain.wording import (
    ABOUT_ONE,
    ACTIONS,
    ACTORS,
    NAMES,
    SOMEBODY_ELSE,
    TRACE,
    UNTOLD,
    ActorType,
    Words,
    impersonal,
)

_EPOCH_MS: Final = 1000


def access_of(kept: Kept, event: Text, box: Text | None, reader: Reader = Reader.PERSON) -> Access | None:
    """Return the line of an entry: ``event`` is what it commits to, ``box`` what a trace's own box holds.

    None: it is about a document of which the person is to learn nothing, neither that it is there nor that somebody
    read it (F35). A professional who may read the list knows of it.
    """
    if kept.opening.type == TRACE:
        line = _trace(kept, event, box if box is not None else Unreadable.DAMAGED, reader)
    else:
        line = _deed(kept, event, DEEDS[kept.opening.type])
    if line is None or reader is Reader.PERSON:
        return line
    return replace(line, description=impersonal(line.description))


def _deed(kept: Kept, event: Text, deed: Deed) -> Access:
    if isinstance(event, Unreadable):
        return _line(kept, event, deed.words, deed.words.done, state=State(event.value))
    data, who = _mapping(event.get("data")), _own(deed.actor)
    line = _line(kept, event, deed.words, deed.sentence(data), who=who, documents=_names(data, "document_id"))
    return replace(line, service=_service(event))


def box_of(event: Text) -> tuple[str, str] | None:
    """Return the id and the sealed text of a trace's box; None if the event holds none."""
    data = _mapping(event.get("data")) if isinstance(event, Mapping) else {}
    trace, sealed = data.get("trace_id"), data.get("sealed")
    return (trace, sealed) if isinstance(trace, str) and isinstance(sealed, str) else None


def said_of(event: Text) -> str | None:
    """Return the digest of the text in a trace's box; None if the event tells none."""
    data = _mapping(event.get("data")) if isinstance(event, Mapping) else {}
    return _text(data, "said")


def _trace(kept: Kept, event: Text, box: Text, reader: Reader) -> Access | None:
    if isinstance(event, Unreadable):
        return _line(kept, event, UNTOLD, UNTOLD.done, state=State(event.value))
    data = _mapping(event.get("data"))
    words, permitted = ACTIONS.get(str(data.get("action")), UNTOLD), data.get("outcome") == "permitted"
    if isinstance(box, Unreadable):
        words = UNTOLD if words.code in ABOUT_ONE else words  # the box alone says whether it may be told
        return _line(kept, event, words, _sentence(words, permitted), state=State(box.value), permitted=permitted)
    hidden = _names(box, "hidden") if reader is Reader.PERSON else ()
    if hidden and words.code in ABOUT_ONE:
        return None
    documents = [name for name in _names(box, "documents") if name not in hidden]
    if words.code == "document-deposited" and not permitted and reader is Reader.PERSON:
        documents = []  # what was not taken is not in the record, and another one may bear its name there
    who = _who(_mapping(box.get("actor")))
    line = _line(kept, event, words, _sentence(words, permitted), permitted=permitted, who=who, documents=documents)
    return replace(line, service=_service(event), rule=_text(data, "rule"), software=_text(box, "software"))


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
        record=kept.opening.record,
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


def _service(event: Mapping[str, Any]) -> str | None:
    source = _text(event, "source")
    return source and source.removeprefix("/")


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
