"""The sets of held rows that somebody saw, remembered, so that an act reaches exactly those and no others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from pymongo import ASCENDING, ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase

from shared.messaging.held import LOOK, Cause, Group, Seen, cause_of, seen_of
from shared.messaging.rows import KEPT
from shared.messaging.unit import State
from shared.mongo import Document

MOST: Final = 100_000
"""Rows that one listing looks at; whoever has more begins with these."""

REMEMBERED_S: Final = 7 * 24 * 3600
"""How long a handle may be used."""

_PART: Final = 5_000
"""Rows in one document of a set."""


class HeldSets:
    """Groups of held rows, and the sets that were seen of them."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._inbox = database["inbox"]
        self._sets = database["held_sets"]
        self._prepared = False

    async def groups(self, query: Mapping[str, str]) -> tuple[list[Group], bool]:
        """Return what is held, by cause, and whether that is all; ``query`` as in `Books.rows`, or by fingerprint."""
        criteria: Document = {"queue": {"$exists": True}, "state": {"$in": list(KEPT)}}
        criteria |= {name: {"$eq": value} for name, value in query.items()}
        found: dict[Cause, Group] = {}
        rows = 0
        async for row in self._inbox.find(criteria, LOOK).sort("_id", ASCENDING).limit(MOST):
            cause = cause_of(row)
            found.setdefault(cause, Group(cause)).add(row)
            rows += 1
        return sorted(found.values(), key=lambda group: (-len(group.seen), group.handle)), rows < MOST

    async def remember(self, groups: Iterable[Group], operator: str) -> None:
        """Write down what was seen, so that an act reaches exactly that; the same set again is the same set."""
        if not self._prepared:
            await self._sets.create_index("seen", expireAfterSeconds=REMEMBERED_S)
            self._prepared = True
        now = datetime.now(UTC)
        for group in groups:
            written = [_head(group, operator, now), *_parts(group, now)]
            await self._sets.bulk_write([ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in written])

    async def head(self, handle: str) -> Document | None:
        """Return what a handle names: its cause, how many rows, who saw it and when."""
        return await self._sets.find_one({"_id": {"$eq": handle}})

    async def part(self, handle: str, start: int, limit: int) -> list[Seen]:
        """Return rows of a set as they were seen, from a place on."""
        numbers = range(start // _PART, (start + limit - 1) // _PART + 1)
        ids = [_part_id(handle, number) for number in numbers]
        found = await self._sets.find({"_id": {"$in": ids}}).sort("_id", ASCENDING).to_list()
        rows = [Seen(*row) for each in found for row in each["rows"]]
        offset = start - numbers.start * _PART
        return rows[offset : offset + limit]

    async def now(self, seen: Sequence[Seen]) -> dict[str, Document]:
        """Return these rows as they are now, by key."""
        found = self._inbox.find({"_id": {"$in": [each.key for each in seen]}}, LOOK)
        return {row["_id"]: row async for row in found}

    async def standing(self, head: Document) -> Document:
        """Return what has become of a set's rows: untouched, or ended, or held once more and for which cause."""
        counts: Counter[str] = Counter()
        again: Counter[str] = Counter()
        for start in range(0, head["count"], _PART):
            seen = await self.part(head["_id"], start, _PART)
            rows = await self.now(seen)
            for each in seen:
                end = _since(each, rows.get(each.key))
                counts[end] += 1
                if end in _AGAIN:
                    again[_why(rows[each.key])] += 1
        queue, state, reason, place, fingerprint = head["cause"]
        alike = {"queue": queue, "state": state, "reason": reason, "field": place, "fingerprint": fingerprint}
        joined = await self._inbox.count_documents(alike) - counts["untouched"]
        return {**counts, "again": dict(again), "joined": max(0, joined)}


_AGAIN: Final = ("failed-again", "held-again")


def _since(seen: Seen, row: Document | None) -> str:
    """Return in a word what has become of a row since it was seen."""
    if row is None:
        return "gone"
    if seen_of(row).version == seen.version:
        return "untouched"
    if row["state"] == State.WAITING:
        return "failed-again" if row["attempts"] else "due"
    return {State.DONE: "applied", State.IGNORED: "ignored", State.REFUSED: "refused"}.get(row["state"], "held-again")


def _why(row: Document) -> str:
    return " ".join(row[name] for name in ("reason", "fingerprint") if row.get(name))


def _head(group: Group, operator: str, now: datetime) -> Document:
    return {"_id": group.handle, "cause": list(group.cause), "count": len(group.seen), "by": operator, "seen": now}


def _parts(group: Group, now: datetime) -> Iterable[Document]:
    for start in range(0, len(group.seen), _PART):
        rows = [list(each) for each in group.seen[start : start + _PART]]
        yield {"_id": _part_id(group.handle, start // _PART), "rows": rows, "seen": now}


def _part_id(handle: str, number: int) -> str:
    return f"{handle}/{number:04}"
