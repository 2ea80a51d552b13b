"""How often a message came back is the queue's count, on which it depends who is taken for a killer (rule 6)."""

from collections.abc import Callable
from typing import Any

import aio_pika
import pytest

from shared.messaging.receiving import returns_of
from shared.messaging.topology import Arguments, Flow, queue_arguments

pytestmark = pytest.mark.integration

FLOW = Flow("shop", "thing.happened.v1", "events")
FORGED = [{}, {"x-delivery-count": 0}, {"x-delivery-count": 99}, {"x-delivery-count": "many"}]


@pytest.mark.parametrize("headers", FORGED, ids=str)
async def test_the_queue_counts(amqp_url: Callable[..., str], vhost: str, headers: dict[str, Any]):
    """Each consumer that goes away with a message in hand counts, and what its sender wrote there does not."""
    seen: list[int | None] = []
    async with await aio_pika.connect(amqp_url("operator", vhost)) as connection:
        channel = await connection.channel()
        arguments: Arguments = queue_arguments(FLOW)
        queue = await channel.declare_queue(FLOW.queue, durable=True, arguments=dict(arguments))
        await channel.default_exchange.publish(aio_pika.Message(b"{}", headers=headers), FLOW.queue)
        for _ in range(4):
            async with connection.channel() as taker:
                taken = await (await taker.get_queue(FLOW.queue, ensure=False)).get(timeout=10)
                assert taken is not None
                seen.append(returns_of(taken))
        await queue.delete(if_unused=False, if_empty=False)

    assert seen == [None, 1, 2, 3]
