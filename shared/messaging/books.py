"""What became of every event of a service.

The law (rule 14), per flow: published = done + ignored + refused + quarantined + parked + waiting + queued. Ends are
counted in the transaction that makes them; what is held is counted as it stands. What came again is counted beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bson.binary import Binary

from shared.messaging.rows import KEPT
from shared.messaging.runtime import Runtime
from shared.mongo import Document

_NO_ENDS: Final = ("_id", "last", "rows", "heard", "made", "summed")
"""What the books hold beside ends and what was emitted: the ledger's own counts."""

_SHOWN: Final = (
    *("type", "state", "reason", "field", "attempts", "due", "fingerprint", "queue"),
    *("at", "changed", "history"),
)
"""What an operator sees of a row: nothing of what the event says."""


class Books:
    """Reads a service's inbox and outbox for its operators."""

    def __init__(self, runtime: Runtime) -> None:
        self._inbox = runtime.database["inbox"]
        self._outbox = runtime.database["outbox"]
        self._books = runtime.database["books"]

    async def flows(self) -> dict[str, Document]:
        """Return the books of every flow; ``emitted`` is what its commits published, by exchange and type."""
        flows: dict[str, Document] = {}
        async for row in self._books.find({}):
            _add(flows.setdefault(row["_id"]["queue"], {}), {k: v for k, v in row.items() if k not in _NO_ENDS})
        group = {"_id": {"queue": "$queue", "state": "$state", "reason": "$reason"}, "count": {"$sum": 1}}
        match = {"queue": {"$exists": True}, "state": {"$in": list(KEPT)}}
        async for row in await self._inbox.aggregate([{"$match": match}, {"$group": group}]):
            held = row["_id"]
            _add(flows.setdefault(held["queue"], {}), {held["state"]: {held.get("reason") or "other": row["count"]}})
        return {queue: _flat_types(flow) for queue, flow in flows.items()}

    async def outbox(self) -> Document:
        """Return what is still to be published: messages, events, and the age of the oldest in seconds."""
        age = {"$subtract": ["$$NOW", "$created"]}
        group = {"_id": None, "messages": {"$sum": 1}, "events": {"$sum": "$count"}, "age": {"$max": age}}
        found = await (await self._outbox.aggregate([{"$match": {"unsent": True}}, {"$group": group}])).to_list()
        if not found:
            return {"messages": 0, "events": 0, "oldest_seconds": 0.0}
        return {"messages": found[0]["messages"], "events": found[0]["events"], "oldest_seconds": found[0]["age"] / 1e3}

    async def rows(self, query: Mapping[str, str], after: str | None, limit: int) -> list[Document]:
        """Return rows that were not simply done, in the order of their keys, without their bodies.

        ``query`` may name ``queue``, ``state`` and ``reason``, each matched exactly.
        """
        criteria: Document = {"queue": {"$exists": True}, **{name: {"$eq": value} for name, value in query.items()}}
        if after is not None:
            criteria["_id"] = {"$gt": after}
        found = self._inbox.find(criteria, dict.fromkeys(_SHOWN, 1)).sort("_id", 1).limit(limit)
        return [_shown(row) for row in await found.to_list()]

    async def row(self, key: str) -> Document | None:
        """Return one row by its key."""
        return next(iter(await self.rows_of([key])), None)

    async def rows_of(self, keys: Sequence[str]) -> list[Document]:
        """Return the rows that stand under these keys, in the order of the keys."""
        found = await self._inbox.find({"_id": {"$in": list(keys)}}, dict.fromkeys(_SHOWN, 1)).to_list()
        by_key = {row["key"]: row for row in map(_shown, found)}
        return [by_key[key] for key in keys if key in by_key]


def _add(total: Document, part: Mapping[str, Any]) -> None:
    """Add nested counts."""
    for name, value in part.items():
        if isinstance(value, dict):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def _flat_types(flow: Document) -> Document:
    """Undo what dots in a wire type do to a document: `{a: {b: {v1: 2}}}` is `{a.b.v1: 2}`."""
    emitted = flow.get("emitted", {})
    return {**flow, "emitted": {exchange: dict(_leaves("", types)) for exchange, types in emitted.items()}}


def _leaves(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, int]]:
    leaves: list[tuple[str, int]] = []
    for name, value in tree.items():
        leaves += _leaves(f"{prefix}{name}.", value) if isinstance(value, dict) else [(prefix + name, value)]
    return leaves


def _shown(row: Document) -> Document:
    row["key"] = row.pop("_id")
    return {name: bytes(value).hex() if isinstance(value, Binary) else value for name, value in row.items()}
