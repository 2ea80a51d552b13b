"""Held events as an operator sees them: grouped by cause, or one with its history."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cli.doors import Row
from shared.contracts.reasons import REASONS

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def groups(rows: Iterable[tuple[str, Row]]) -> list[dict[str, Any]]:
    """Return rows of services grouped by service, queue, state and reason: how many, and since when."""
    found: dict[tuple[str, ...], list[str]] = {}
    for service, row in rows:
        group = (service, row["queue"], row["state"], row.get("reason") or "-")
        found.setdefault(group, []).append(row["at"])
    names = ("service", "queue", "state", "reason")
    return [
        {**dict(zip(names, group, strict=True)), "count": len(times), "oldest": min(times)}
        for group, times in sorted(found.items())
    ]


def age(since: str, now: datetime) -> str:
    """Return how long ago an instant was, in its largest unit: ``3 min``."""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"


def print_groups(found: Sequence[dict[str, Any]]) -> None:
    """Write a table of groups for a reader."""
    if not found:
        print("Nothing is held.")
        return
    table = Table("queue", "state", "reason", "count", "oldest", "what it means", box=None, pad_edge=False)
    table.columns[3].justify = table.columns[4].justify = "right"
    for group in found:
        named = (group["queue"], group["state"], group["reason"], f"{group['count']:,}")
        table.add_row(*named, age(group["oldest"], datetime.now(UTC)), REASONS.get(group["reason"], ""))
    Console().print(table)


def print_row(row: Row) -> None:
    """Write one row and its history for a reader."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in row.items():
        if name != "history":
            table.add_row(name, str(value))
    for each in row.get("history", []):
        table.add_row("history", " ".join(str(part) for part in each.values() if part is not None))
    Console().print(table)
