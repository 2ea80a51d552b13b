"""What is held, grouped by cause; a group's handle names exactly the rows that it has, as they are."""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

from shared.mongo import Document

BARS: Final = 24
"""Parts into which the time from a group's first row to its last is cut."""

Cause: TypeAlias = tuple[str, str, str | None, str | None, str | None]
"""Queue, state, reason, field, fingerprint."""

_ALPHABET: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdefghjkmnpqrstvwxyz")
"""From base32 to letters that nobody takes for one another when a handle is read out."""


class Seen(NamedTuple):
    """One row as it was seen: each step that it takes afterwards changes one of these."""

    key: str
    state: str
    attempts: int
    acts: int
    """Acts of operators on it."""

    @property
    def version(self) -> tuple[str, int, int]:
        """What tells whether the row is still as it was."""
        return self.state, self.attempts, self.acts


@dataclass(slots=True)
class Group:
    """Rows that are held for one cause."""

    cause: Cause
    wire_types: Counter[str] = field(default_factory=Counter)
    seen: list[Seen] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    due: datetime | None = None
    replayed: int = 0
    """How many of the rows an operator has replayed before: they came back."""

    def add(self, row: Document) -> None:
        """Add a row of this cause."""
        self.seen.append(seen_of(row))
        self.times.append(row.get("changed") or row["at"])
        self.wire_types[row["type"]] += 1
        self.replayed += bool(row["replays"])
        if row.get("due") and (self.due is None or row["due"] < self.due):
            self.due = row["due"]

    @property
    def handle(self) -> str:
        """The name of exactly these rows as they are now; other rows, or these later on, have another."""
        digest = blake2b(repr(self.cause).encode(), digest_size=5)
        for seen in self.seen:
            digest.update("\n".join(map(str, seen)).encode() + b"\0")
        letters = base64.b32encode(digest.digest()).decode().lower().translate(_ALPHABET)
        return f"{letters[:4]}-{letters[4:]}"

    def described(self) -> Document:
        """Return what an operator sees of the group: causes, counts and times, nothing of what an event says."""
        queue, state, reason, place, fingerprint = self.cause
        first, last = min(self.times), max(self.times)
        attempts = [seen.attempts for seen in self.seen]
        told = {
            "handle": self.handle,
            "queue": queue,
            "state": state,
            "reason": reason,
            "field": place,
            "fingerprint": fingerprint,
            "types": dict(self.wire_types),
            "count": len(self.seen),
            "oldest": first,
            "newest": last,
            "bars": bars(self.times),
            "attempts": [min(attempts), max(attempts)],
            "replayed": self.replayed,
            "due": self.due,
        }
        return {name: value for name, value in told.items() if value is not None}


def seen_of(row: Document) -> Seen:
    """Return a row, read with `LOOK`, as it is now."""
    return Seen(row["_id"], row["state"], row.get("attempts", 0), row["acts"])


LOOK: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("queue", "state", "reason", "field", "fingerprint", "type"), 1),
    **dict.fromkeys(("attempts", "due", "at", "changed"), 1),
    "acts": {"$size": {"$ifNull": ["$history", []]}},
    "replays": {
        "$size": {"$filter": {"input": {"$ifNull": ["$history", []]}, "cond": {"$eq": ["$$this.act", "replay"]}}}
    },
}
"""What a listing reads of a row: never its body."""


def bars(times: Sequence[datetime]) -> list[int]:
    """Return how many rows there are in each part of the time from the first to the last."""
    first, last = min(times), max(times)
    span = (last - first).total_seconds() or 1.0
    counts = Counter(min(BARS - 1, int((each - first).total_seconds() / span * BARS)) for each in times)
    return [counts[part] for part in range(BARS)]


def cause_of(row: Document) -> Cause:
    """Return why a row is held."""
    return row["queue"], row["state"], row.get("reason"), row.get("field"), row.get("fingerprint")
