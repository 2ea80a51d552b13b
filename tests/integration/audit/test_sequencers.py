"""Two sequencers as processes: one is frozen until the broker gives it up, its successor appends, and it wakes up."""

import asyncio
import signal
from functools import partial
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractExchange

from services.audit.adapters.mongo_log_reader import MongoLogReader
from shared.messaging.cloudevents import SINGLE
from shared.messaging.topology import EVENTS
from tests.fakes.entries import whole
from tests.integration.conftest import Installation, Launch, until

pytestmark = pytest.mark.integration


@pytest.fixture
def start(launch: Launch) -> Launch:
    """Return what starts a sequencer that the broker gives up after two seconds of silence."""
    return partial(launch, "audit", CARNET_HEARTBEAT="1")


async def publish(installation: Installation, count: int) -> None:
    """Publish events that the log has not seen; wait for the exchange that the sequencers declare."""
    async with await aio_pika.connect(installation.amqp_url("operator")) as connection, asyncio.timeout(30):
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.get_exchange(EVENTS, ensure=False)
        for _ in range(count):
            name = uuid4().hex
            body = f'{{"id":"{name}","source":"/t","type":"t.v1","time":"2026-11-21T10:00:00Z","data":{{}}}}'
            await _publish(exchange, aio_pika.Message(body.encode(), content_type=SINGLE))


async def _publish(exchange: AbstractExchange, message: aio_pika.Message) -> None:
    """Publish until it is routed: a queue is declared a moment before it is bound."""
    while True:
        try:
            await exchange.publish(message, "t.v1", mandatory=True)
        except aio_pika.exceptions.DeliveryError:
            await asyncio.sleep(0.05)
        else:
            return


async def test_a_frozen_sequencer_that_wakes_up_is_refused(
    start: Launch, installation: Installation, mongo_client: Any
):
    """Whoever was frozen while another took over adds nothing to it and takes nothing back (rule 13)."""
    reader = MongoLogReader(mongo_client["audit" + installation.suffix])

    async def has(size: int) -> bool:
        return (await reader.head()).size >= size

    frozen = await start()
    await until(lambda: declared(installation), "the first sequencer's start")
    await publish(installation, 5)
    await until(lambda: has(5), "the first sequencer's entries")
    frozen.send_signal(signal.SIGSTOP)
    await start()
    await publish(installation, 5)
    await until(lambda: has(10), "the successor's entries")

    frozen.send_signal(signal.SIGCONT)
    await publish(installation, 20)
    await until(lambda: has(30), "what came after the awakening")

    head = await reader.head()
    assert (head.size, head.epoch) == (30, 2), "nobody took over from the successor"
    assert len(set(whole(await reader.leaves(0, 100), head))) == 30


async def test_a_killed_sequencer_leaves_the_log_whole(start: Launch, installation: Installation, mongo_client: Any):
    """After SIGKILL under load the next sequencer goes on where the log ends: every event once (rule 13)."""
    reader = MongoLogReader(mongo_client["audit" + installation.suffix])

    async def has(size: int) -> bool:
        return (await reader.head()).size >= size

    first = await start()
    await until(lambda: declared(installation), "the first sequencer's start")
    publishing = asyncio.create_task(publish(installation, 300))
    await until(lambda: has(20), "the first entries")
    first.kill()
    await first.wait()
    await start()
    await publishing
    await until(lambda: has(300), "the entries of all events")

    await asyncio.sleep(1)
    head = await reader.head()
    assert len(set(whole(await reader.leaves(0, 1000), head))) == head.size == 300


async def declared(installation: Installation) -> bool:
    """Tell whether the queue of the log is there."""
    try:
        async with await aio_pika.connect(installation.amqp_url("audit")) as connection:
            channel = await connection.channel()
            await channel.get_queue("audit.all")
    except aio_pika.exceptions.AMQPError:
        return False
    return True
