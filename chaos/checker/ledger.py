"""What the history says was published: each event, what must become of it, and how certain it is that it was."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from chaos.aftermath import End
from chaos.history import Done

_COPY: Final = "duplicate"
"""What became of a mistake that is a further copy of a good event."""


class Due(NamedTuple):
    """An end that an event must come to in a flow."""

    queue: str
    end: End


@dataclass(slots=True)
class Published:
    """The insurers' side of the books."""

    due: dict[str, tuple[Due, ...]] = field(default_factory=dict)
    """By key, of events that the broker confirmed at least once."""
    maybe: set[str] = field(default_factory=set)
    """Events of which no copy was confirmed: they may be there or not."""
    bad: Counter[Due] = field(default_factory=Counter)
    """Mistakes, whose rows have no name, by the end that they must come to."""
    maybe_bad: Counter[Due] = field(default_factory=Counter)
    confirmed: Counter[str] = field(default_factory=Counter)
    """How many events were confirmed, by routing key; a further copy is none."""
    unsure: Counter[str] = field(default_factory=Counter)
    """Those of which no copy was."""


@dataclass(slots=True)
class _Message:
    key: str
    source: str
    groups: list[dict[str, Any]] = field(default_factory=list)
    ok: int = 0
    unknown: int = 0


def published(operations: Iterable[Done]) -> Published:
    """Return what was published: several tries of a message are copies of it."""
    told, ways = Published(), dict[str, str]()
    for message in _messages(operations).values():
        for group in message.groups:
            _note(told, message, group, ways)
    told.maybe -= told.due.keys()
    told.confirmed.update(ways[key] for key in told.due)
    told.unsure.update(ways[key] for key in told.maybe)
    return told


def _messages(operations: Iterable[Done]) -> dict[int, _Message]:
    found: dict[int, _Message] = {}
    for each in operations:
        if each.op != "publish":
            continue
        asked = each.asked
        source = "/insurers/" + each.process.removeprefix("insurer.")
        message = found.setdefault(asked["message"], _Message(asked["key"], source))
        message.groups = message.groups or asked.get("groups", [])
        message.ok += each.outcome == "ok"
        message.unknown += each.outcome == "info"
    return found


def _note(told: Published, message: _Message, group: dict[str, Any], ways: dict[str, str]) -> None:
    """Note what a message's group must come to, and in ``ways`` by which routing key each of its events went."""
    if "bad" in group:
        due = _due(group["end"])
        number = group["bad"] if message.ok or message.unknown else 0
        (told.bad if message.ok else told.maybe_bad)[due] += number
        (told.confirmed if message.ok else told.unsure)[message.key] += number * (due.end.state != _COPY)
        return
    ends = tuple(map(_due, group["ends"]))
    for identifier in group["ids"]:
        key = f"{message.source}|{identifier}"
        ways[key] = message.key
        if not message.ok:
            told.maybe.add(key)
        elif ends or key not in told.due:
            told.due[key] = ends or told.due.get(key, ())


def _due(end: list[Any]) -> Due:
    queue, state, reason = end
    return Due(queue, End(state, reason))


def by_cause(sent: Iterable[tuple[str, Any]]) -> dict[str, list[str]]:
    """Return the keys of events by the event that caused them."""
    caused: dict[str, list[str]] = defaultdict(list)
    for key, event in sent:
        if event.cause is not None:
            caused[event.cause].append(key)
    return caused
