"""What the history says was published: each event, what must become of it, and how certain it is that it was."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chaos.aftermath import End
from chaos.history import Done


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
    """Copies, by routing key."""
    unknown: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Message:
    key: str
    source: str
    events: int
    groups: list[dict[str, Any]] = field(default_factory=list)
    ok: int = 0
    unknown: int = 0


def published(operations: Iterable[Done]) -> Published:
    """Return what was published: several tries of a message are copies of it."""
    told = Published()
    for message in _messages(operations).values():
        told.confirmed[message.key] += message.ok * message.events
        told.unknown[message.key] += message.unknown * message.events
        for group in message.groups:
            _note(told, message, group)
    told.maybe -= told.due.keys()
    return told


def _messages(operations: Iterable[Done]) -> dict[int, _Message]:
    found: dict[int, _Message] = {}
    for each in operations:
        if each.op != "publish":
            continue
        asked = each.asked
        source = "/insurers/" + each.process.removeprefix("insurer.")
        message = found.setdefault(asked["message"], _Message(asked["key"], source, asked["events"]))
        message.groups = message.groups or asked.get("groups", [])
        message.ok += each.outcome == "ok"
        message.unknown += each.outcome == "info"
    return found


def _note(told: Published, message: _Message, group: dict[str, Any]) -> None:
    if "bad" in group:
        which = told.bad if message.ok else told.maybe_bad
        which[_due(group["end"])] += group["bad"] if message.ok or message.unknown else 0
        return
    ends = tuple(map(_due, group["ends"]))
    for identifier in group["ids"]:
        key = f"{message.source}|{identifier}"
        if not message.ok:
            told.maybe.add(key)
        elif ends or key not in told.due:
            told.due[key] = ends or told.due.get(key, ())


def _due(end: list[Any]) -> Due:
    queue, state, reason = end
    return Due(queue, End(state, reason))


def poisons(moments: Iterable[dict[str, Any]]) -> Counter[Due]:
    """Return what the rig itself put in to be parked: ``op`` poison, with ``queue``, ``reason`` and ``count``."""
    found: Counter[Due] = Counter()
    for moment in moments:
        if moment["op"] == "poison" and moment["phase"] == "ok":
            end = End(moment.get("state", "parked"), moment["reason"])
            found[Due(moment["queue"], end)] += moment.get("count", 1)
    return found


def by_cause(sent: Iterable[tuple[str, Any]]) -> dict[str, list[str]]:
    """Return the keys of events by the event that caused them."""
    caused: dict[str, list[str]] = defaultdict(list)
    for key, event in sent:
        if event.cause is not None:
            caused[event.cause].append(key)
    return caused
