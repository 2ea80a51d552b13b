"""Held events as an operator sees them: grouped by cause, or one with its history."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from cli.doors import Row
from shared.contracts.reasons import REASONS

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def groups(rows: Iterable[tuple[str, Row]]) -> list[dict[str, Any]]:
    """Return rows of services grouped by service, queue, state, reason and failure: how many, and since when."""
    found: dict[tuple[str, ...], list[str]] = {}
    for service, row in rows:
        group = (service, row["queue"], row["state"], row.get("reason") or "-", row.get("fingerprint") or "")
        found.setdefault(group, []).append(row["at"])
    names = ("service", "queue", "state", "reason", "fingerprint")
    return [
        {**dict(zip(names, group, strict=True)), "count": len(times), "oldest": min(times)}
        for group, times in sorted(found.items())
    ]


def age(since: str, now: datetime) -> str:
    """Return how long ago an instant was, in its largest unit: ``3 min``."""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"


def described(found: Sequence[dict[str, Any]], now: datetime) -> Iterator[str]:
    """Yield groups as lines in columns, then what their reasons mean; nothing is cut, whatever reads it."""
    if not found:
        yield "Nothing is held."
        return
    head = ("queue", "state", "reason", "count", "oldest")
    yield from _columns([list(head), *(_cells(group, now) for group in found)])
    meanings = {group["reason"]: REASONS[group["reason"]] for group in found if group["reason"] in REASONS}
    if meanings:
        yield ""
        yield from _columns([list(pair) for pair in meanings.items()])


def details(row: Row) -> Iterator[str]:
    """Yield one row and its history as lines."""
    yield from _columns([[name, str(value)] for name, value in row.items() if name != "history"])
    for each in row.get("history", []):
        yield "history   " + "  ".join(str(part) for part in each.values() if part is not None)


def _cells(group: dict[str, Any], now: datetime) -> list[str]:
    why = f"{group['reason']} {group['fingerprint']}".rstrip()
    return [group["queue"], group["state"], why, f"{group['count']:,}", age(group["oldest"], now)]


def _columns(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(_aligned(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
