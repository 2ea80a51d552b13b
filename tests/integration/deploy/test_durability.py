"""What was confirmed is still there after a kill, on the same data and at the same address."""

import asyncio
from collections.abc import Iterator
from typing import Any

import aio_pika
import pytest
from pamqp.common import FieldTable
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.stack import Stack, start_stack

SAFE = WriteConcern("majority", j=True)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a stack that these tests may kill without disturbing the others; it also proves that two run at once."""
    running = start_stack(tmp_path_factory.mktemp("private"), cache_gb=0.25)
    yield running
    running.discard()


async def test_a_confirmed_message_survives_a_kill_of_the_broker(private: Stack) -> None:
    """A message confirmed by a quorum queue is delivered after SIGKILL and restart."""
    url = private.amqp_url("operator")
    quorum: FieldTable = {"x-queue-type": "quorum"}
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue("kept", durable=True, arguments=quorum)
        # RabbitMQ writes the name of a new quorum queue down half a second later (ra_directory, auto_save 500).
        await asyncio.sleep(1.5)
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key="kept")
        private.broker.kill()
    private.broker.start()
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).declare_queue("kept", durable=True, arguments=quorum)
        async with queue.iterator(timeout=30) as messages:  # the queue elects its leader first
            kept = await anext(messages)
        assert kept.body == b"kept"


async def test_a_majority_write_survives_a_kill_of_the_database(private: Stack) -> None:
    """A write acknowledged by the majority and journaled is read after SIGKILL and restart."""
    async with AsyncMongoClient[dict[str, Any]](private.mongo_url) as client:
        await client.kept.get_collection("rows", write_concern=SAFE).insert_one({"_id": 1})
        private.database.kill()
        private.database.start()
        assert await client.kept.rows.find_one({"_id": 1}) == {"_id": 1}


async def write_both(database: AsyncDatabase[dict[str, Any]], session: AsyncClientSession) -> None:
    """Write a row in each of two collections."""
    await database.one.insert_one({"_id": 1}, session=session)
    await database.two.insert_one({"_id": 2}, session=session)


async def test_a_transaction_is_all_or_nothing(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Several writes of one transaction appear together or not at all."""
    async with database.client.start_session() as session:
        await session.start_transaction()
        await write_both(database, session)
        await session.abort_transaction()
        assert await database.one.count_documents({}) == 0
        await session.start_transaction(write_concern=SAFE)
        await write_both(database, session)
        await session.commit_transaction()
    assert await database.one.count_documents({}) == await database.two.count_documents({}) == 1


async def test_a_transaction_lives_five_seconds(mongo_client: AsyncMongoClient[dict[str, Any]]) -> None:
    """The locks of a killed worker are released after 5 seconds, not after a minute (design, rule 4.3)."""
    answer = await mongo_client.admin.command("getParameter", transactionLifetimeLimitSeconds=1)
    assert answer["transactionLifetimeLimitSeconds"] == 5


async def test_one_stack_per_folder(stack: Stack) -> None:
    """A second start from the same folder is refused with a sentence, and the first goes on."""
    with pytest.raises(RuntimeError, match="already runs"):
        start_stack(stack.home)
    assert stack.broker.ready()
