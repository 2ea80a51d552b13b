"""Somebody deletes a queue with its messages; it is declared again, and what was lost is sent from the outboxes."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import aio_pika
import orjson
from aio_pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from chaos.faults import NotNowError
from chaos.faults.broker import PUBLISHERS
from chaos.rig import Rig
from deploy.local.users import insurers
from shared.messaging.topology import EVENTS, FLOWS, Flow

_MAY_GO: Final = tuple(flow for flow in FLOWS if flow.exchange == EVENTS)
"""What comes from outside cannot be sent again: it is its publisher's."""

_GONE: Final = (AMQPError, PyMongoError, OSError, TimeoutError)


@dataclass(slots=True)
class QueueDeleted:
    """A confirmed message is safe only as long as its queue is."""

    name: str = "queue-deleted"
    lasts: float = 3.0
    seen: int = 0
    _deleted: Flow | None = None

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Delete a queue."""
        flow = dice.choice(_MAY_GO)
        try:
            lost = await rig.broker.delete_queue(flow.queue)
        except _GONE as error:
            raise NotNowError from error
        self._deleted = flow
        return f"{flow.queue} with {lost} messages"

    async def heal(self, rig: Rig) -> None:
        """Declare it again, and send what its consumer has never seen; in vain while the broker is away."""
        if self._deleted is None:
            return
        with contextlib.suppress(*_GONE):
            await rig.broker.declare_all(tuple(str(each["code"]) for each in insurers()))
            sent = await self._send_again(rig, self._deleted)
            rig.history.record("rig", "repair", "ok", queue=self._deleted.queue, messages=sent)
            self._deleted = None
            self.seen += 1

    async def _send_again(self, rig: Rig, flow: Flow) -> int:
        """Send straight to the one queue; return how many messages."""
        sent = 0
        async with await rig.broker.connect() as connection, connection.channel(publisher_confirms=True) as channel:
            async for service, row in _missed(rig, flow):
                message = aio_pika.Message(
                    bytes(row["body"]),
                    content_type=row["content_type"],
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    message_id=row["_id"],
                    type=row["key"],
                    app_id=service,
                    timestamp=row["created"],
                )
                await channel.default_exchange.publish(message, flow.queue, mandatory=True)
                sent += 1
        return sent


async def _missed(rig: Rig, flow: Flow) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of which a flow's consumer lacks an event, with the service that made each."""
    inbox = rig.mongo[flow.consumer]["inbox"]
    # Those without a confirmation too: it may have come while the queue was away, and not be noted yet.
    wanted: dict[str, Any] = {"exchange": EVENTS} | ({} if flow.key == "#" else {"key": flow.key})
    for service in PUBLISHERS:
        async for row in rig.mongo[service]["outbox"].find(wanted):
            events = orjson.loads(bytes(row["body"]))
            keys = {f"{flow.queue}|{each['source']}|{each['id']}" for each in _listed(events)}
            if await inbox.count_documents({"_id": {"$in": list(keys)}}) < len(keys):
                yield service, row


def _listed(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]
