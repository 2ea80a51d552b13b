"""Held events as an operator sees them at three in the morning: by cause, or one with its history; 80 columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from rich.text import Text

from cli.doors import Row
from shared.contracts.reasons import REASONS

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_COLOURS: Final = {"parked": "yellow", "quarantined": "magenta", "waiting": "cyan"}
_INDENT: Final = "           "
_QUIET: Final = timedelta(minutes=2)
"""A cause of which nothing has come for so long may be over."""

_ENDS: Final = {
    "applied": ("applied", "green"),
    "ignored": ("ignored", ""),
    "refused": ("refused", "red"),
    "held-again": ("held again", "yellow"),
    "failed-again": ("failed again", "yellow"),
    "due": ("under way", "cyan"),
    "gone": ("not there any more", "red"),
    "untouched": ("as they were", "dim"),
}


def groups(rows: Iterable[tuple[str, Row]]) -> list[dict[str, Any]]:
    """Return rows of services grouped by service, queue, state, reason and failure: how many, and since when."""
    found: dict[tuple[str, ...], list[str]] = {}
    for service, row in rows:
        group = (service, row["queue"], row["state"], row.get("reason") or "-", row.get("fingerprint") or "")
        found.setdefault(group, []).append(row["at"])
    names = ("service", "queue", "state", "reason", "fingerprint")
    return [
        {**dict(zip(names, group, strict=True)), "count": len(times), "oldest": min(times), "newest": max(times)}
        for group, times in sorted(found.items())
    ]


def age(since: str, now: datetime) -> str:
    """Return how long ago an instant was, in its largest unit: ``3 min``."""
    return _lasting(now - datetime.fromisoformat(since))


def described(found: Sequence[Mapping[str, Any]], now: datetime, *, held: bool = True) -> Iterator[Text]:
    """Yield groups, the largest first, and what can be done about them."""
    if not found:
        yield Text("Nothing is held." if held else "Nothing of that kind.", style="green" if held else "")
        return
    total = sum(group["count"] for group in found)
    causes = f"{len(found)} cause{'' if len(found) == 1 else 's'}"
    head = f"{total:,} event{'' if total == 1 else 's'}{' held' if held else ''}, {causes}"
    yield Text.assemble((f"{head:<57}", "bold"), (f"{now:%a %d %b %H:%M:%S} UTC", "dim"))
    found = sorted(found, key=lambda each: (-each["count"], each["queue"]))
    for group in found:
        yield Text()
        yield from _group(group, now)
    if first := next((group["handle"] for group in found if "handle" in group), None):
        yield Text()
        yield from _what_next(first)


def cause(group: Mapping[str, Any]) -> str:
    """Return why something is held, in codes: ``failed KeyError@store:12``."""
    return " ".join(str(group[name]) for name in ("reason", "field", "fingerprint") if group.get(name)) or "-"


def ended(standing: Mapping[str, Any]) -> Text:
    """Return what has become of a set: ``1,190 applied · 14 failed again``."""
    parts = [(f"{standing[name]:,} {word}", style) for name, (word, style) in _ENDS.items() if standing.get(name)]
    return Text(" · ").join([Text(word, style=style) for word, style in parts]) if parts else Text()


def set_details(told: Row, rows: Sequence[Row], now: datetime) -> Iterator[Text]:
    """Yield a set: its cause, what became of it, and its first rows, numbered."""
    yield _title(told)
    yield from _why(told)
    yield Text(f"{_INDENT}listed {age(told['seen'], now)} ago by {told['by']}", style="dim")
    yield Text()
    yield Text.assemble((f"{'now':<11}", "dim"), ended(told["standing"]))
    if joined := told["standing"]["joined"]:
        yield Text(f"{_INDENT}{joined:,} more joined since: no part of this set", style="cyan")
    yield Text()
    for number, row in enumerate(rows, 1):
        tries = f"{row.get('attempts', 0)} tries"
        yield Text(f"{number:>9}  {row['key'].split('|', 1)[1]}  {row['state']}  {tries}  {age(row['at'], now)}")
    if told["count"] > len(rows):
        yield Text(f"{'…':>9}  and {told['count'] - len(rows):,} more", style="dim")
    yield Text()
    yield Text(f"One of them with its history: ./carnet parked show {told['handle']}/1", style="dim")


def details(row: Row, now: datetime) -> Iterator[Text]:
    """Yield one row and its history as lines."""
    queue, event = row["key"].split("|", 1)
    tries = f", {row['attempts']} attempt{'' if row['attempts'] == 1 else 's'}" if row.get("attempts") else ""
    yield Text.assemble((row["state"], f"bold {_COLOURS.get(row['state'], '')}"), f"{tries}  in {queue}")
    yield from _why(row, indent="  ")
    yield Text(f"  event    {event}")
    yield Text(f"  came     {_instant(row['at'])}, {age(row['at'], now)} ago")
    if row.get("due"):
        yield Text(f"  due      {_instant(row['due'])}")
    if history := row.get("history"):
        yield Text("\nwhat operators did", style="bold")
        for act in history:
            yield from _act(act)
    yield Text(f"\nIts way through the services: ./carnet trace '{event}'", style="dim")


def _group(group: Mapping[str, Any], now: datetime) -> Iterator[Text]:
    yield _title(group)
    yield from _why(group)
    yield _when(group, now)
    if again := group.get("replayed"):
        yield Text(f"{_INDENT}{again:,} came back after a replay", style="yellow")
    if due := group.get("due"):
        wait = datetime.fromisoformat(due) - now
        soon = f"in {_lasting(wait)}" if wait > timedelta() else "now"
        yield Text(f"{_INDENT}tried again by itself, the next one {soon}", style="cyan")


def _title(group: Mapping[str, Any]) -> Text:
    colour = _COLOURS.get(group.get("state", ""), "")
    count = Text(f"{group['count']:,} {group['state']}", style=f"bold {colour}")
    return Text.assemble((f"{group.get('handle', ''):<11}", "bold"), count, "  ", (group["queue"], ""))


def _why(group: Mapping[str, Any], indent: str = _INDENT) -> Iterator[Text]:
    yield Text(f"{indent}{cause(group)}")
    if meaning := REASONS.get(group.get("reason") or ""):
        yield Text(f"{indent}{meaning}", style="dim")


def _when(group: Mapping[str, Any], now: datetime) -> Text:
    """Return when they came: a small picture, and whether more are to be expected."""
    newest = datetime.fromisoformat(group["newest"])
    first, last = age(group["oldest"], now), age(group["newest"], now)
    coming = now - newest < _QUIET
    times = f"{last} ago" if first == last else f"{first} to {last} ago"
    word = ("still coming", "red") if coming else ("none since", "green")
    picture = picture_of(group["bars"]) + "  " if group["count"] > 1 and group.get("bars") else ""
    return Text.assemble(_INDENT, (picture, "blue"), f"{times}  ", word)


def picture_of(bars: Sequence[int]) -> str:
    """Return counts as a row of blocks, the highest for the largest."""
    most = max(bars) or 1
    return "".join(_BLOCKS[-(-count * (len(_BLOCKS) - 1) // most)] for count in bars)


def _what_next(handle: str) -> Iterator[Text]:
    for word, command in (
        ("look", f"show {handle}"),
        ("try", f"replay {handle} --dry-run"),
        ("replay", f'replay {handle} --because "…"'),
        ("give up", f'discard {handle} --because "…" --second NAME'),
    ):
        yield Text.assemble((f"{word:<11}", "dim"), f"./carnet parked {command}")
    yield Text("A name stands for exactly these events, for 7 days; later ones are no part.", style="dim")


def _act(act: Row) -> Iterator[Text]:
    agreed = f" and {act['with']}" if act.get("with") else ""
    seen = f" of {act['set']}" if act.get("set") else ""
    yield Text(f"  {_instant(act['at'])}  {act['act']}{seen} by {act['by']}{agreed}")
    if act.get("reason"):
        yield Text(f"{'':<23}because: {act['reason']}")
    if was := act.get("was"):
        yield Text(f"{'':<23}it was {was.get('state')}: {cause(was)}", style="dim")


def _instant(written: str) -> str:
    return f"{datetime.fromisoformat(written):%d %b %H:%M:%S} UTC"


def _lasting(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"
