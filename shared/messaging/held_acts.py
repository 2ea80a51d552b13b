"""What operators do to held rows: look, replay, discard; each act is traced, and kept in the row's own history."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession

from shared.contracts.operations import OperatorActedV1, OperatorActedV1Data
from shared.messaging import instants
from shared.messaging.acts import perform
from shared.messaging.failures import RacedError
from shared.messaging.held import Seen, seen_of
from shared.messaging.held_sets import HeldSets
from shared.messaging.mongo_inbox import book_id
from shared.messaging.rows import KEPT
from shared.messaging.runtime import Runtime
from shared.messaging.topology import FLOWS, INGEST_UNKNOWN, UPSTREAM
from shared.messaging.unit import State, Unit
from shared.mongo import Document

MAX_TARGETS: Final = 500
"""Rows that one act may name."""

DISCARDED: Final = "discarded"


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what to held rows, and why; ``seen_as`` is the handle of the set that was looked at."""

    operator: str
    kind: str
    reason: str | None = None
    second_operator: str | None = None
    seen_as: str | None = None


class HeldActs:
    """Changes held rows for operators; a row that is not as it was seen any more is left alone."""

    def __init__(self, runtime: Runtime, sets: HeldSets) -> None:
        self._runtime = runtime
        self._inbox = runtime.database["inbox"]
        self._books = runtime.database["books"]
        self._sets = sets

    async def looked(self, act: Act, key: str) -> None:
        """Leave the trace that one row was looked at."""

        async def work(unit: Unit) -> None:
            unit.emit(self._trace(act, [key]))

        await perform(self._runtime, work)

    async def on_keys(self, act: Act, keys: Sequence[str]) -> int:
        """Act on rows named by their keys, as they are now; return how many were held."""
        rows = await self._sets.now([Seen(key, "", 0, 0) for key in keys])
        return await self.on_seen(act, [seen_of(row) for row in rows.values() if row["state"] in KEPT])

    async def on_seen(self, act: Act, seen: Sequence[Seen]) -> int:
        """Act on those of these rows that still are as they were seen, all or nothing; return how many."""

        async def work(unit: Unit) -> int:
            rows = await self._sets.now(seen)
            still = [each for each in seen if each.key in rows and seen_of(rows[each.key]) == each]
            if still:
                queues = Counter(rows[each.key]["queue"] for each in still)

                async def effect(session: AsyncClientSession) -> None:
                    await self._change(act, still, session)
                    if act.kind == "discard":
                        await self._count(queues, session)

                unit.apply(effect)
                unit.emit(self._trace(act, [each.key for each in still]))
            return len(still)

        return await perform(self._runtime, work)

    async def _change(self, act: Act, still: Sequence[Seen], session: AsyncClientSession) -> None:
        alike: dict[tuple[str, int, int], list[str]] = defaultdict(list)
        for each in still:
            alike[each.version].append(each.key)
        for (state, attempts, acts), keys in alike.items():
            as_seen = {"_id": {"$in": keys}, "state": state, "attempts": attempts, **_with_acts(acts)}
            result = await self._inbox.update_many(as_seen, _changes(act), session=session)
            if result.matched_count != len(keys):
                raise RacedError

    async def _count(self, queues: Mapping[str, int], session: AsyncClientSession) -> None:
        for queue in sorted(queues):
            book = {"_id": book_id(queue, self._runtime.process, instants.now())}
            change = {"$inc": {f"{State.IGNORED}.{DISCARDED}": queues[queue]}}
            await self._books.update_one(book, change, upsert=True, session=session)

    def _trace(self, act: Act, keys: Sequence[str]) -> OperatorActedV1:
        data = OperatorActedV1Data(
            service=self._runtime.service,
            operator=act.operator,
            act=act.kind,  # type: ignore[arg-type]
            targets=list(keys),
            reason=act.reason,
            second_operator=act.second_operator,
        )
        return OperatorActedV1.new(source=f"/{self._runtime.service}", time=self._runtime.clock.now(), data=data)


def _with_acts(acts: int) -> Document:
    return {"history": {"$size": acts}} if acts else {"history.0": {"$exists": False}}


def _changes(act: Act) -> list[Document]:
    """Return the change as a pipeline, because what the row was before goes into its history."""
    now = instants.now()
    was = {name: f"${name}" for name in ("state", "reason", "fingerprint", "attempts")}
    told = {"at": now, "act": act.kind, "by": act.operator, "reason": act.reason}
    told |= {"with": act.second_operator, "set": act.seen_as}
    # A reason may begin with a dollar, which would name a field.
    entry = {name: {"$literal": value} for name, value in told.items() if value is not None} | {"was": was}
    history = {"$concatArrays": [{"$ifNull": ["$history", []]}, [entry]]}
    return [{"$set": {"history": history, "changed": now, **_AFTER[act.kind](now)}}, *_FORGOTTEN.get(act.kind, ())]


_BY_TYPE: Final = [
    {"case": {"$eq": ["$type", flow.key]}, "then": flow.queue} for flow in FLOWS if flow.exchange == UPSTREAM
]
_QUEUE_NOW: Final = {
    "$cond": [
        {"$eq": ["$queue", INGEST_UNKNOWN.queue]},
        {"$switch": {"branches": _BY_TYPE, "default": "$queue"}},
        "$queue",
    ]
}
"""Where an event of a type that nobody knew belongs since an upgrade: its flow takes it up, under its own key."""

_AFTER: Final[Mapping[str, Any]] = {
    "replay": lambda now: {"state": State.WAITING, "due": now, "attempts": 0, "queue": _QUEUE_NOW},
    "discard": lambda _now: {"state": State.IGNORED, "reason": DISCARDED},
}
_FORGOTTEN: Final[Mapping[str, Sequence[Document]]] = {"discard": [{"$unset": ["body", "due"]}]}
