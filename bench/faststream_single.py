"""The other side: FastStream with a pydantic model and one transaction per message, as tutorials show it.

The transaction holds an inbox row, the line and an outbox row: exactly once, like ours. Nothing is sealed, and the
outbox row is written but never published, which is in its favour.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from bson.binary import Binary
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from pydantic import BaseModel
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bench.measure import Meter
from shared.settings import ServiceSettings

AT_ONCE: Final = 20
"""Messages handled at the same time: more were not faster."""

DURABLE: Final = WriteConcern("majority", j=True)

Document = dict[str, Any]


class Line(BaseModel):
    """A line as the handler takes it."""

    id: str
    record: str
    month: str
    content: dict[str, Any]


async def consume(queue: str, meter: Meter, settings: ServiceSettings) -> None:
    """Store messages of one line each until the meter has seen the last."""
    finished = asyncio.Event()
    client: AsyncMongoClient[Document] = AsyncMongoClient(settings.mongo_url.get_secret_value())
    database = client.get_database(f"bench{settings.database_suffix}")
    for name in ("inbox", "lines", "outbox"):
        await database.create_collection(name)
    broker = RabbitBroker(settings.amqp_url.get_secret_value(), logger=None)
    subscribe = broker.subscriber(
        RabbitQueue(queue, declare=False),
        channel=Channel(prefetch_count=AT_ONCE),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        no_reply=True,
    )

    @subscribe
    async def store(line: Line) -> None:
        async def work(session: AsyncClientSession) -> None:
            await _store(line, database, session)

        async with client.start_session() as session:
            await session.with_transaction(work, read_concern=ReadConcern("snapshot"), write_concern=DURABLE)
        if meter.count(1):
            finished.set()

    async with client, broker:
        await broker.start()
        await finished.wait()


async def _store(line: Line, database: Any, session: AsyncClientSession) -> None:
    """An upsert tells whether the message is new; a duplicate key would abort the transaction."""
    key = {"_id": f"bench|{line.id}"}
    seen = await database.inbox.update_one(
        key, {"$setOnInsert": {"at": datetime.now(UTC)}}, upsert=True, session=session
    )
    if seen.upserted_id is None:
        return
    row = {"_id": line.id, "record": line.record, "month": line.month, "content": line.content}
    await database.lines.insert_one(row, session=session)
    event = Binary(line.model_dump_json(include={"id", "record", "month"}).encode())
    await database.outbox.insert_one({"_id": uuid4().hex, "body": event, "unsent": True}, session=session)
