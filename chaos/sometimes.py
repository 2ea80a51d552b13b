"""What must happen now and then in a run that proves anything: fail-overs, adoptions, races.

A run in which nobody ever took over from a dead process says nothing of taking over, however green it is.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

from chaos.aftermath import Adoption, Aftermath, Reign

Line: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sometimes:
    """Something that happens now and then, and how often it did."""

    name: str
    meaning: str
    times: int
    required: bool


def _event(name: str, **facts: Any) -> Callable[[Line], int]:
    return lambda line: int(line.get("event") == name and all(line.get(key) == value for key, value in facts.items()))


def _again(kind: str) -> Callable[[Line], int]:
    return _event("batch_again", kind=kind)


def _epoch(name: str) -> Callable[[Line], int]:
    """Count the take-overs but for the first holder's."""
    return lambda line: int(line.get("event") == name and line.get("epoch", 0) > 1)


_IN_LOGS: Final[Mapping[str, tuple[str, bool, Callable[[Line], int]]]] = {
    "sequencer fail-over": ("another process went on with the log", True, _epoch("log_taken_over")),
    "jobs fail-over": ("another process took the lease of the jobs", True, _epoch("jobs_active")),
    "fenced": (
        "who had been overtaken was refused",
        False,
        lambda line: int(line.get("error") == "FencedError"),
    ),
    "adoption": ("unsent messages of a dead process were taken over", True, _event("outbox_adopted")),
    "race": ("two wrote the same rows, and one began anew", True, _again("CONFLICT")),
    "outage waited out": (
        "a batch was held until the database was back",
        True,
        _event("batch_again", kind="INFRASTRUCTURE"),
    ),
    "published again": ("a message was not confirmed and sent again", True, _event("publish_failed")),
    "suspect taken alone": ("a message that came back was taken event by event", False, _event("suspect_message")),
    "process-killer parked": ("an event that kills its process was set aside", False, _event("process_killer_parked")),
    "consumer given back": ("a queue was given back after a long outage", False, _event("consumer_given_back")),
    "systemic pause": ("a flow was held because everything failed alike", False, _event("flow_paused")),
}
"""By name: meaning, whether a long run must have it, and how a line of a log shows it."""

_IN_BOOKS: Final[Mapping[str, tuple[str, bool, str]]] = {
    "duplicate": ("an insurer's event came twice, and was applied once", True, "duplicate"),
    "redelivery": ("the broker delivered again what had been applied", True, "redelivered"),
    "resent": ("a service published an event again", True, "resent"),
}


def sometimes(logs: Path, left: Aftermath, moments: Iterable[Mapping[str, Any]], *, strict: bool) -> list[Sometimes]:
    """Return how often each thing happened; in a ``strict`` run, a long one with every fault, some are required."""
    seen: Counter[str] = Counter()
    for line in _lines(logs):
        seen.update({name: times for name, (_, _, shows) in _IN_LOGS.items() if (times := shows(line))})
    found = [
        Sometimes(name, meaning, seen[name], strict and required) for name, (meaning, required, _) in _IN_LOGS.items()
    ]
    for name, (meaning, required, counted) in _IN_BOOKS.items():
        found.append(Sometimes(name, meaning, _booked(left, counted), strict and required))
    late = sum(end.reason == "ins-unknown" for rows in left.rows.values() for end in rows.values())
    found.append(Sometimes("retry", "an event was tried again until it was set aside", late, strict))
    replayed = sum(moment["events"] for moment in moments if moment["op"] == "replay")
    found.append(Sometimes("replayed", "an event that had waited in vain was replayed by an operator", replayed, False))
    unknown = sum(moment["phase"] == "info" and "n" in moment for moment in moments)
    found.append(Sometimes("unknown outcome", "nobody knew whether a request had taken effect", unknown, strict))
    return found


def adoptions(logs: Path, began: float) -> list[Adoption]:
    """Return the take-overs of unsent messages, and who it was that had not sent them; times count from ``began``."""
    heard: dict[str, tuple[str, float]] = {}
    found: list[tuple[float, str]] = []
    for member, line in _told(logs):
        if "timestamp" not in line:  # the servers' own
            continue
        at = datetime.fromisoformat(line["timestamp"]).timestamp() - began
        heard.setdefault(line.get("process", ""), (member, at))
        if line.get("event") == "outbox_adopted":
            found.append((at, line["owner"]))
    return [Adoption(at, owner, *heard.get(owner, (None, 0.0))) for at, owner in sorted(found)]


def reigns(logs: Path) -> list[Reign]:
    """Return who took the log over, in the order of the epochs."""
    told = (line for line in _lines(logs) if line.get("event") == "log_taken_over")
    return sorted((Reign(line.get("process", ""), line["epoch"], line["size"]) for line in told), key=lambda r: r.epoch)


def _booked(left: Aftermath, name: str) -> int:
    return sum(
        flow.get(name, 0)
        for summary in left.summaries.values()
        for flow in summary["flows"].values()
        if isinstance(flow.get(name, 0), int)
    )


def _lines(logs: Path) -> Iterator[Line]:
    return (line for _, line in _told(logs))


def _told(logs: Path) -> Iterator[tuple[str, Line]]:
    """Yield what the processes logged, each line with its member's name; what is cut off or no JSON is left out."""
    for path in sorted(logs.glob("*.log")):
        with path.open("rb") as file:
            for text in file:
                if text.startswith(b"{") and b'"/readyz"' not in text:
                    with contextlib.suppress(orjson.JSONDecodeError):
                        yield path.stem, orjson.loads(text)
