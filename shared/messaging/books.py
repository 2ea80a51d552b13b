"""What became of every event of a service, and the operator's three acts on what is held: show, replay, discard.

The law (rule 14), per flow: published = done + duplicate + ignored + refused + quarantined + parked + waiting
+ queued. Ends are counted in the transaction that makes them; what is held is counted as it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bson.binary import Binary
from pymongo.asynchronous.client_session import AsyncClientSession

from shared.contracts.operations import OperatorActedV1, OperatorActedV1Data
from shared.messaging import instants
from shared.messaging.acts import perform
from shared.messaging.mongo_inbox import book_id
from shared.messaging.rows import KEPT
from shared.messaging.runtime import Runtime
from shared.messaging.unit import State, Unit
from shared.mongo import Document

MAX_TARGETS: Final = 500
"""Rows that one act may name."""

_NO_ENDS: Final = ("_id", "last", "rows", "heard", "made")
"""What the books hold beside ends and what was emitted: the ledger's own counts."""

_SHOWN: Final = (
    *("type", "state", "reason", "field", "attempts", "due", "fingerprint", "queue"),
    *("at", "changed", "history"),
)
"""What an operator sees of a row: nothing of what the event says."""


@dataclass(frozen=True, slots=True)
class Act:
    """An operator's act on rows, named by their keys exactly as they were seen."""

    operator: str
    kind: str
    keys: Sequence[str]
    reason: str | None = None
    second_operator: str | None = None


class Books:
    """Reads a service's inbox and outbox for its operators, and changes held rows for them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
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
        found = await self._inbox.find_one({"_id": {"$eq": key}}, dict.fromkeys(_SHOWN, 1))
        return None if found is None else _shown(found)

    async def show(self, act: Act) -> Document | None:
        """Return one row and leave the trace that it was looked at."""
        found = await self.row(act.keys[0])
        if found is not None:
            await self._transact(act, None, {})
        return found

    async def replay(self, act: Act) -> int:
        """Make held rows due at once, with all their attempts before them; return how many."""
        change = {"$set": {"state": State.WAITING, "due": datetime.now(UTC), "attempts": 0}}
        return await self._transact(act, change, {})

    async def discard(self, act: Act) -> int:
        """End held rows without effect and forget what they said; return how many."""
        change = {"$set": {"state": State.IGNORED, "reason": "discarded"}, "$unset": {"body": "", "due": ""}}
        return await self._transact(act, change, {"ignored.discarded": 1})

    async def _transact(self, act: Act, change: Document | None, tally: Mapping[str, int]) -> int:
        """Change the rows, count, and leave the operator's trace, all or nothing."""

        async def work(unit: Unit) -> list[int]:
            counts: list[int] = []

            async def effect(session: AsyncClientSession) -> None:
                counts[:] = [await self._change(act, change, tally, session)] if change is not None else []

            unit.apply(effect)
            unit.emit(self._trace(act))
            return counts

        return sum(await perform(self._runtime, work))

    async def _change(self, act: Act, change: Document, tally: Mapping[str, int], session: AsyncClientSession) -> int:
        held = {"_id": {"$in": list(act.keys)}, "state": {"$in": list(KEPT)}}
        queues = [row["queue"] async for row in self._inbox.find(held, {"queue": 1}, session=session)]
        history = {"at": datetime.now(UTC), "act": act.kind, "by": act.operator, "reason": act.reason}
        result = await self._inbox.update_many(held, {**change, "$push": {"history": history}}, session=session)
        for queue in sorted(set(queues)) if tally else ():
            await self._count(queue, {name: n * queues.count(queue) for name, n in tally.items()}, session)
        return int(result.modified_count)

    async def _count(self, queue: str, tally: Mapping[str, int], session: AsyncClientSession) -> None:
        row = {"_id": book_id(queue, self._runtime.process, instants.now())}
        await self._books.update_one(row, {"$inc": dict(tally)}, upsert=True, session=session)

    def _trace(self, act: Act) -> OperatorActedV1:
        data = OperatorActedV1Data(
            service=self._runtime.service,
            operator=act.operator,
            act=act.kind,  # type: ignore[arg-type]
            targets=list(act.keys),
            reason=act.reason,
            second_operator=act.second_operator,
        )
        return OperatorActedV1.new(source=f"/{self._runtime.service}", time=self._runtime.clock.now(), data=data)


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
