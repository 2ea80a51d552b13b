"""What a real broker says to what has no place, and that it is told apart from a broker that says nothing (rule 7)."""

from collections.abc import AsyncIterator, Callable

import aio_pika
import pytest

from shared.messaging.amqp import AmqpPublisher
from shared.messaging.failures import ReturnedError
from shared.messaging.store import OutboxRow
from shared.messaging.topology import FEEDBACK, Topology, feedback_queue

pytestmark = pytest.mark.integration

TOPOLOGY = Topology((), insurers=("cpam",))


def row(key: str, name: str = "m") -> OutboxRow:
    """Return an answer to an insurer."""
    return OutboxRow(name, "p1", FEEDBACK, key, b"{}", "application/cloudevents+json", 1)


@pytest.fixture
async def publisher(amqp_url: Callable[..., str], vhost: str) -> AsyncIterator[AmqpPublisher]:
    """Give a publisher that may answer one insurer."""
    publisher = AmqpPublisher(amqp_url("operator", vhost), TOPOLOGY, "shop")
    await publisher.start()
    yield publisher
    await publisher.stop()


async def test_what_has_a_place_is_confirmed(publisher: AmqpPublisher):
    """A message that a queue takes is confirmed."""
    await publisher.publish(row("cpam"))

    assert await publisher.depth(feedback_queue("cpam")) == 1


async def test_what_no_queue_takes_is_returned(publisher: AmqpPublisher):
    """A message whose key leads nowhere comes back, and the channel goes on."""
    with pytest.raises(ReturnedError):
        await publisher.publish(row("nobody"))

    await publisher.publish(row("cpam"))


async def test_what_a_full_queue_refuses_is_returned(
    publisher: AmqpPublisher, amqp_url: Callable[..., str], vhost: str
):
    """A queue that is full refuses the message: its sender keeps it, and sends the others."""
    async with await aio_pika.connect(amqp_url("operator", vhost)) as connection:
        channel = await connection.channel()
        limits: dict[str, int | str] = {"x-max-length": 1, "x-overflow": "reject-publish"}
        full = await channel.declare_queue("full", arguments=limits)  # type: ignore[arg-type]
        await full.bind(FEEDBACK, "msa")

    async def fill() -> None:
        for number in range(20):  # the limit is checked a little late
            await publisher.publish(row("msa", f"m{number}"))

    with pytest.raises(ReturnedError):
        await fill()

    await publisher.publish(row("cpam"))
