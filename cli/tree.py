"""A tree of events as lines of 80 columns: when, what, where, and what became of it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.text import Text

from cli.doors import Row

if TYPE_CHECKING:
    from cli.trace import Step

_WORDS: Final = {
    "done": ("applied", "green"),
    "ignored": ("ignored", ""),
    "refused": ("refused", "red"),
    "quarantined": ("quarantined", "magenta"),
    "waiting": ("waiting", "cyan"),
    "parked": ("parked", "bold yellow"),
}
_WIDTH: Final = 80
_TIMES: Final = 22
"""Columns at the left: the time of day and the distance from the beginning."""


def drawn(root: "Step", asked: str) -> Iterator[Text]:
    """Yield a tree, the event that was asked for in bold; times are UTC, distances from the first row of the tree."""
    began = _first(root)
    day = f"{began:%a %d %b %Y}, UTC" if began else "no row says when"
    yield Text.assemble((f"{root.source}|{root.id}", "bold"), "  ", (day, "dim"))
    yield from _event(root, asked, began, rails="", last=True, top=True)


def _event(
    step: "Step", asked: str, began: datetime | None, *, rails: str, last: bool, top: bool = False
) -> Iterator[Text]:
    envelope = step.envelope or {}
    branch = "" if top else ("└─ " if last else "├─ ")
    below = rails if top else rails + ("   " if last else "│  ")
    style = "bold" if step.id == asked else ""
    at = envelope.get("created")
    name = Text.assemble(_rail(rails + branch), (_type(step), style or "blue"))
    if not top:
        name.append(f"  {_short(step.id)}", style=style or "dim")
    yield _line(at, began, name, _sending(envelope, step.copies))
    leaves: list[tuple[Row, Sequence[Step]]] = [(row, _children(step, row["service"])) for row in step.received]
    orphans = [each for each in step.caused if all(each not in mine for _, mine in leaves)]
    for place, (row, mine) in enumerate(leaves):
        ends = place == len(leaves) - 1 and not orphans
        yield from _receipt(row, mine, step, asked, began, rails=below, last=ends)
    for place, child in enumerate(orphans):
        yield from _event(child, asked, began, rails=below, last=place == len(orphans) - 1)


def _receipt(
    row: Row, caused: Sequence["Step"], step: "Step", asked: str, began: datetime | None, *, rails: str, last: bool
) -> Iterator[Text]:
    """Yield what one service did with an event, and what it published because of it."""
    word, style = _WORDS.get(row["state"], (row["state"], ""))
    if "entry" in row:
        word = f"logged, entry {row['entry']:,}"
    text = Text.assemble(_rail(rails + ("└─ " if last else "├─ ")), (row["service"], ""), "  ", (word, style))
    yield _line(row.get("changed") or row["at"], began, text, Text(_why(row), style="dim"))
    below = rails + ("   " if last else "│  ")
    for act in row.get("history", []):
        yield _line(act["at"], began, Text.assemble(_rail(below), (f"{act['act']} by {act['by']}", "yellow")), Text())
    for place, child in enumerate(caused):
        yield from _event(child, asked, began, rails=below, last=place == len(caused) - 1)
    if not caused and row["service"] != "audit" and row["state"] == "done" and row["service"] in step.beside:
        told = f"told with others: {', '.join(sorted(step.beside[row['service']]))}"
        yield _line(None, began, Text.assemble(_rail(below), (told, "dim")), Text())


def _line(at: str | None, began: datetime | None, what: Text, more: Text) -> Text:
    """Return one line: the time, the distance, the branch, and what else there is to say if it fits."""
    line = Text(" " * _TIMES)
    if at is not None:
        moment = _moment(at)
        away = f"+{_lasting((moment - began).total_seconds())}" if began and moment != began else ""
        line = Text.assemble((f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}", "dim"), f"{away:>9} ")
    line.append_text(what)
    if more.plain and len(line.plain) + len(more.plain) + 2 <= _WIDTH:
        line.append("  ").append_text(more)
    elif more.plain:
        line.append("\n" + " " * (_TIMES + 6)).append_text(more)
    return line


def _sending(envelope: Row, copies: Sequence[str]) -> Text:
    """Return how long it took to the broker, and whom a copy went to; a message that lies there is to be seen."""
    parts = [(f"copy to {', '.join(copies)}", "dim")] if copies else []
    if "created" in envelope:
        if "sent" in envelope:
            took = (_moment(envelope["sent"]) - _moment(envelope["created"])).total_seconds()
            parts.append((f"sent in {_lasting(max(0.0, took))}", "dim"))
        else:
            parts.append(("not sent yet", "bold red"))
    return Text(" · ").join([Text(text, style=style) for text, style in parts]) if parts else Text()


def _why(row: Row) -> str:
    parts = [str(row[name]) for name in ("reason", "fingerprint") if row.get(name)]
    parts += [f"{row['attempts']} attempts"] if row.get("attempts") else []
    return " ".join(parts)


def _children(step: "Step", service: str) -> Sequence["Step"]:
    return [child for child in step.caused if child.source == f"/{service}"]


def _type(step: "Step") -> str:
    """Return the wire type; of an event from outside only the flow that took it says it."""
    if step.envelope:
        return str(step.envelope["type"])
    return next((row["type"] for row in step.received if row["type"] != "#"), "event")


def _short(event_id: str) -> str:
    return event_id if len(event_id) <= 16 else f"{event_id[:8]}…"


def _first(step: "Step") -> datetime | None:
    times = [_moment(row["at"]) for row in step.received]
    times += [_moment(step.envelope["created"])] if step.envelope else []
    times += [first for child in step.caused if (first := _first(child)) is not None]
    return min(times, default=None)


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


def _lasting(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _rail(text: str) -> tuple[str, str]:
    return text, "dim"
