"""The other side: aio-pika, `insert_many` of 200, one acknowledgement. The least that stores a message.

It has no guarantee: what is delivered twice is a duplicate key at best, what cannot be stored stops it, nothing is
published, and a crash between the insert and the acknowledgement is not noticed.
"""

import asyncio
from typing import Any, Final

import aio_pika
import orjson
from aio_pika.abc import AbstractIncomingMessage
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from bench.measure import Meter
from shared.settings import ServiceSettings

BATCH: Final = 200

Document = dict[str, Any]


async def consume(queue: str, meter: Meter, settings: ServiceSettings) -> None:
    """Store messages of one line each, or of many, until the meter has seen the last."""
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    client: AsyncMongoClient[Document] = AsyncMongoClient(settings.mongo_url.get_secret_value())
    database = client.get_database(f"bench{settings.database_suffix}")
    rows = database.get_collection("lines", write_concern=WriteConcern("majority", j=True))
    connection = await aio_pika.connect_robust(settings.amqp_url.get_secret_value())
    async with connection, client:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=3 * BATCH)
        await (await channel.get_queue(queue, ensure=False)).consume(arrived.put)
        stored = 0
        while not meter.count(stored):
            messages, documents = await _gather(arrived)
            await rows.insert_many(documents, ordered=False)
            await messages[-1].ack(multiple=True)
            stored = len(documents)


async def _gather(
    arrived: asyncio.Queue[AbstractIncomingMessage],
) -> tuple[list[AbstractIncomingMessage], list[Document]]:
    """Take messages until they hold 200 lines or no more is there."""
    messages = [await arrived.get()]
    documents = _documents(messages[0])
    while len(documents) < BATCH and not arrived.empty():
        messages.append(arrived.get_nowait())
        documents += _documents(messages[-1])
    return messages, documents


def _documents(message: AbstractIncomingMessage) -> list[Document]:
    parsed = orjson.loads(message.body)
    return [
        {"_id": line["id"], "record": line["record"], "month": line["month"], "content": line["content"]}
        for line in (parsed if isinstance(parsed, list) else [parsed])
    ]
