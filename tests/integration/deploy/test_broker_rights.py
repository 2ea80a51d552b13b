"""The broker itself keeps insurers apart: what they may declare, read, publish and claim to be."""

from collections.abc import AsyncIterator, Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPConnectionError, ChannelClosed

INSURER, OTHER = "insurer.cpam-44", "insurer.msa"


@pytest.fixture
async def service(vhost: str, amqp_url: Callable[..., str]) -> AsyncIterator[AbstractChannel]:
    """Give a channel of ingest, which has declared what insurers meet."""
    async with await aio_pika.connect(amqp_url("ingest", vhost)) as connection:
        channel = await connection.channel()
        upstream = await channel.declare_exchange("upstream", "topic", durable=True)
        await channel.declare_exchange("events", "topic", durable=True)
        arrivals = await channel.declare_queue("arrivals", arguments={"x-queue-type": "quorum"}, durable=True)
        await arrivals.bind(upstream, "#")
        for code in ("cpam-44", "msa"):
            await channel.declare_queue(f"feedback.{code}", durable=True)
        yield channel


@pytest.fixture
async def insurer(service: AbstractChannel, vhost: str, amqp_url: Callable[..., str]) -> AsyncIterator[AbstractChannel]:
    """Give a channel of an insurer on the declared exchanges."""
    async with await aio_pika.connect(amqp_url(INSURER, vhost)) as connection:
        yield await connection.channel(on_return_raises=True)


async def publish(channel: AbstractChannel, exchange: str, key: str = "k", user: str | None = None) -> None:
    """Publish and wait for the broker's confirmation."""
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(b"x", user_id=user), routing_key=key, timeout=5)


async def test_an_insurer_publishes_as_itself(insurer: AbstractChannel, service: AbstractChannel) -> None:
    """An insurer may publish on `upstream` under its own name."""
    await publish(insurer, "upstream", user=INSURER)
    arrived = await (await service.get_queue("arrivals")).get(timeout=5)
    assert arrived is not None
    assert arrived.user_id == INSURER


async def test_the_name_of_another_is_refused(insurer: AbstractChannel) -> None:
    """The broker refuses a message that names another user as its publisher."""
    with pytest.raises(ChannelClosed, match="user_id"):
        await publish(insurer, "upstream", user=OTHER)


@pytest.mark.parametrize("exchange", ["events", "", "amq.topic"])
async def test_an_insurer_publishes_nowhere_else(insurer: AbstractChannel, exchange: str) -> None:
    """An insurer may publish neither to `events` nor straight to a queue."""
    with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
        await publish(insurer, exchange, key="arrivals")


async def test_an_insurer_declares_nothing(insurer: AbstractChannel) -> None:
    """An insurer may declare no queue, not even a private one."""
    with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
        await insurer.declare_queue("mine", exclusive=True)


@pytest.mark.parametrize("queue", ["arrivals", "feedback.msa", "feedback.cpam-445"])
async def test_an_insurer_reads_no_other_queue(insurer: AbstractChannel, service: AbstractChannel, queue: str) -> None:
    """An insurer may read neither what arrives nor the refusals of another insurer."""
    await service.declare_queue(queue, durable=True, passive=queue != "feedback.cpam-445")
    other = await insurer.get_queue(queue, ensure=False)
    with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
        await other.get(timeout=5, fail=False)


async def test_an_insurer_reads_its_refusals(insurer: AbstractChannel, service: AbstractChannel) -> None:
    """An insurer reads what is refused to it on its own feedback queue."""
    await publish(service, "", key="feedback.cpam-44")
    own = await insurer.get_queue("feedback.cpam-44", ensure=False)
    message = await own.get(timeout=5)
    assert message is not None
    assert message.body == b"x"


async def test_nobody_comes_in_as_guest(amqp_url: Callable[..., str]) -> None:
    """The broker's factory user does not exist, and a wrong password opens nothing."""
    address = amqp_url(INSURER).split("@", 1)[1]
    for login in ("guest:guest", "ingest:guess"):
        with pytest.raises(AMQPConnectionError):
            await aio_pika.connect(f"amqp://{login}@{address}", timeout=5)
