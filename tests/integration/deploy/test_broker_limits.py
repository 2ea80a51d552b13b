"""What the broker refuses before any service sees it."""

from collections.abc import Callable

import aio_pika
import pytest
from aio_pika.exceptions import ChannelClosed

pytestmark = pytest.mark.integration


async def test_a_body_of_17_mb_is_refused(vhost: str, amqp_url: Callable[..., str]) -> None:
    """A message over 16 MiB never enters: its sender is told, and the connection lives on."""
    async with await aio_pika.connect(amqp_url("operator", vhost)) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("upstream", "topic", durable=True)
        queue = await channel.declare_queue("arrivals", durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(exchange, "#")

        with pytest.raises(ChannelClosed, match="larger than configured max size"):
            await exchange.publish(aio_pika.Message(bytes(17_000_000)), "k", timeout=20)

        again = await connection.channel()
        declared = await again.declare_queue("arrivals", passive=True)
        assert declared.declaration_result.message_count == 0
