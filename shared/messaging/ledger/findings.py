"""What the ledger found to be missing: kept in the service's database, for its doors, its metrics and its log.

- ``findings``  {_id: {kind, flow, origin, slice}, missing, since, at}

A finding ends by itself: its row is removed by the first look that does not find it any more.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import structlog
from pymongo import DeleteOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from shared.mongo import Document

COLLECTION: Final = "findings"

log = structlog.get_logger()


class Kind(StrEnum):
    """What can be missing."""

    OUTBOX_ROW = "outbox-row-missing"
    """Of the messages that commits wrote, some stand in the outbox no more though their week is not over."""
    INBOX_ROW = "inbox-row-missing"
    """Of the events that commits noted, some have no row any more: a further copy would be applied again."""
    EVENT = "event-missing"
    """A publisher says that it sent more than ever arrived."""
    TRACE = "trace-missing"
    """A process numbered more traces than are in the log: some never left it, or were taken away."""
    QUEUE = "queue-missing"
    """The broker has no such queue: what is published for it goes nowhere."""


@dataclass(frozen=True, slots=True)
class Finding:
    """So many of something are missing."""

    kind: Kind
    flow: str
    """The queue; for an outbox row its exchange and routing key, as ``events/record.updated.v1``."""
    missing: int
    """Events; messages where outbox rows are missing; 1 for a queue."""
    origin: str | None = None
    """The publishing service, where events are missing; the process and its place, where traces are."""
    slice: datetime | None = None
    """The minute or hour in which the missing were written; None for a queue."""
    since: datetime | None = None
    """When it was found first."""

    @property
    def key(self) -> tuple[Kind, str, str | None, datetime | None]:
        """Tell this finding from others, however much is missing."""
        return self.kind, self.flow, self.origin, self.slice


class Findings:
    """The findings that stand in one service."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._rows = database[COLLECTION]

    async def standing(self) -> list[Finding]:
        """Return what is missing now, the oldest first."""
        rows = await self._rows.find({}).sort("since", 1).to_list()
        return [_finding(row) for row in rows]

    async def missing(self) -> Counter[tuple[str, str]]:
        """Return how much is missing, by kind and flow: what `/metrics` shows."""
        total: Counter[tuple[str, str]] = Counter()
        for each in await self.standing():
            total[each.kind, each.flow] += each.missing
        return total

    async def note(self, found: Iterable[Finding], before: Sequence[Finding], looked: Collection[object]) -> None:
        """Write down what a look found and remove what it did not find any more; each kind and flow is logged once.

        ``before`` is what stood when the look began; ``looked`` names, by `Finding.key`, what the look would have
        found if it were still so.
        """
        now = datetime.now(UTC)
        new = {each.key: each for each in found}
        stale = [each for each in before if each.key in looked and each.key not in new]
        changes: list[UpdateOne | DeleteOne] = [
            UpdateOne(
                {"_id": _id(each)},
                {"$set": {"missing": each.missing, "at": now}, "$setOnInsert": {"since": now}},
                upsert=True,
            )
            for each in new.values()
        ]
        changes += [DeleteOne({"_id": _id(each)}) for each in stale]
        if changes:
            await self._rows.bulk_write(changes, ordered=False)
        _tell(list(new.values()), before, stale)


def _tell(found: Sequence[Finding], before: Sequence[Finding], ended: Sequence[Finding]) -> None:
    stood = {(each.kind, each.flow, each.origin) for each in before}
    for about in {(each.kind, each.flow, each.origin) for each in found} - stood:
        missing = sum(each.missing for each in found if (each.kind, each.flow, each.origin) == about)
        log.error("ledger_finding", kind=about[0].value, queue=about[1], place=about[2], count=missing)
    left = {each.key for each in before} - {each.key for each in ended}
    for each in ended:
        if not any(key[:3] == each.key[:3] for key in left):
            log.info("ledger_finding_ended", kind=each.kind.value, queue=each.flow, place=each.origin)


def _id(finding: Finding) -> Document:
    return {"kind": finding.kind, "flow": finding.flow, "origin": finding.origin, "slice": finding.slice}


def _finding(row: Document) -> Finding:
    named = row["_id"]
    return Finding(
        Kind(named["kind"]), named["flow"], row["missing"], named["origin"], named["slice"], since=row["since"]
    )
