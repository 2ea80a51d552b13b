"""Sends again what a consumer never saw, from the rows of a week, straight to its one queue (rule 8).

The three steps belong to two services, which do not call each other: the operator's command leads from one door to
the next. Nothing here can do harm twice: whatever was seen meanwhile is a copy to the consumer's inbox.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from shared.contracts.operations import OperatorActedV1, OperatorActedV1Data
from shared.errors import CarnetError
from shared.messaging.acts import perform
from shared.messaging.ledger.rows import MINUTE
from shared.messaging.mongo_outbox import row_of
from shared.messaging.runtime import Runtime
from shared.messaging.topology import EVENTS, FLOWS, LOGGED, Flow
from shared.messaging.unit import Unit
from shared.mongo import Document

PAGE: Final = 100
"""Messages of a page, and those that one act sends again at most."""


class NoFlowError(CarnetError):
    """There is no such queue, or no service sends straight to it."""


def flow_named(queue: str) -> Flow:
    """Return the flow of a queue that can be repaired; raise `NoFlowError`."""
    found = next((flow for flow in FLOWS if flow.queue == queue and flow.exchange in (EVENTS, LOGGED)), None)
    if found is None:
        raise NoFlowError
    return found


class Repair:
    """What one service contributes: as a publisher what it sent, as a consumer what it never saw."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._outbox = runtime.database["outbox"]

    async def sent(self, queue: str, minute: datetime, after: str | None) -> list[Document]:
        """Return, of the messages committed in a minute for a queue, ids and events: ``source|id`` each.

        Only what the broker has confirmed: the rest is on its way. A page of them, after a message's id.
        """
        query = _for(flow_named(queue)) | {"created": {"$gte": minute, "$lt": minute + MINUTE}}
        query |= {"sent": {"$exists": True}} | ({"_id": {"$gt": after}} if after else {})
        rows = await self._outbox.find(query).sort("_id", 1).limit(PAGE).to_list()
        return [{"row": row["_id"], "events": _names(row["body"])} for row in rows]

    async def unseen(self, queue: str, events: Collection[str]) -> list[str]:
        """Return those events of which the inbox has no row."""
        keys = {f"{queue}|{event}": event for event in events}
        seen = await self._runtime.inbox.seen(list(keys)) if keys else {}
        return [event for key, event in keys.items() if key not in seen]

    async def resend(self, operator: str, queue: str, rows: Sequence[str], reason: str | None) -> Mapping[str, int]:
        """Send messages again to one queue alone; the act is on its way to the log before. Return how many."""
        flow = flow_named(queue)
        query = _for(flow) | {"_id": {"$in": list(rows)}, "sent": {"$exists": True}}
        found = [row_of(row) for row in await self._outbox.find(query).to_list()]
        await perform(self._runtime, self._traced(operator, queue, [row.id for row in found], reason))
        for row in found:
            await self._runtime.publisher.publish_straight(row, flow)
        return {"messages": len(found), "events": sum(row.count for row in found)}

    def _traced(self, operator: str, queue: str, rows: Sequence[str], reason: str | None) -> Any:
        data = OperatorActedV1Data(
            service=self._runtime.service,
            operator=operator,
            act="resend",
            targets=[f"{queue}|{row}" for row in rows],
            reason=reason,
        )

        async def work(unit: Unit) -> None:
            source = f"/{self._runtime.service}"
            unit.emit(OperatorActedV1.new(source=source, time=self._runtime.clock.now(), data=data))

        return work


def _for(flow: Flow) -> Document:
    return {"exchange": flow.exchange, **({} if flow.key == "#" else {"key": flow.key})}


def _names(body: bytes) -> list[str]:
    events = orjson.loads(bytes(body))
    return [f"{event['source']}|{event['id']}" for event in (events if isinstance(events, list) else [events])]
