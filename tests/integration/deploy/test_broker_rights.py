"""The broker itself keeps services and insurers apart: what they may declare, read, publish and claim to be."""

import json
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPConnectionError, ChannelClosed

from deploy.local.stack import Stack
from deploy.local.users import SERVICES, broker_users, service_user
from deploy.local.vhosts import create_vhost, delete_vhost, load_topology
from shared.messaging.topology import EVENTS, FEEDBACK, FLOWS, LOGGED, UPSTREAM, dead_queue

INSURER, OTHER = "insurer.cpam-44", "insurer.msa"
QUEUES = sorted({flow.queue for flow in FLOWS} | {"feedback.cpam-44"})

pytestmark = pytest.mark.integration

Open = Callable[[str], Any]


@pytest.fixture(scope="module")
def vhost(stack: Stack) -> Iterator[str]:
    """Give a virtual host with the whole topology, of these tests together: they change nothing of it."""
    name = f"test-{uuid4().hex[:12]}"
    create_vhost(stack, name)
    load_topology(stack, name)
    yield name
    delete_vhost(stack, name)


@pytest.fixture
async def operator(vhost: str, amqp_url: Callable[..., str]) -> AsyncIterator[AbstractChannel]:
    """Give a channel of the operator."""
    async with await aio_pika.connect(amqp_url("operator", vhost)) as connection:
        yield await connection.channel()


@pytest.fixture
async def channel_of(operator: AbstractChannel, vhost: str, amqp_url: Callable[..., str]) -> AsyncIterator[Open]:
    """Give what opens a new channel of a user: a refusal closes it."""
    connections: dict[str, Any] = {}

    async def open_channel(user: str) -> AbstractChannel:
        if user not in connections:
            connections[user] = await aio_pika.connect(amqp_url(user, vhost))
        channel: AbstractChannel = await connections[user].channel(on_return_raises=True)
        return channel

    yield open_channel
    for connection in connections.values():
        await connection.close()


async def publish(channel: AbstractChannel, exchange: str, key: str = "k", user: str | None = None) -> None:
    """Publish and wait for the broker's confirmation."""
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(b"x", user_id=user), routing_key=key, timeout=5, mandatory=False)


def refused() -> Any:
    """Expect that the broker says no."""
    return pytest.raises(ChannelClosed, match="ACCESS_REFUSED")


def types() -> dict[str, set[str]]:
    """Return what each service may publish on `events`, by the tables."""
    return {name: set(service_user(name).topics[EVENTS][2:-2].replace("\\", "").split("|")) for name in SERVICES}


async def test_a_service_publishes_its_own_types(channel_of: Open) -> None:
    """Every type that a service's AsyncAPI document lists leaves by `events` under that service's user."""
    for service, own in types().items():
        channel = await channel_of(service)
        for wire_type in own:
            await publish(channel, EVENTS, wire_type)


async def test_a_service_publishes_no_other_type(channel_of: Open) -> None:
    """No service may publish what only another one publishes, nor a type that nobody knows."""
    everything = set().union(*types().values())
    for service, own in types().items():
        for wire_type in (everything - own) | {"t.v1", f"{min(own)}.x", ""}:
            with refused():
                await publish(await channel_of(service), EVENTS, wire_type)


@pytest.mark.parametrize(
    ("service", "exchange"),
    [(service, exchange) for service in SERVICES for exchange in (UPSTREAM, "", "amq.topic", "amq.fanout", "dead")]
    + [("notifications", FEEDBACK), ("audit", FEEDBACK)]
    + [(service, LOGGED) for service in SERVICES if service != "audit"],
)
async def test_a_service_publishes_nowhere_else(channel_of: Open, service: str, exchange: str) -> None:
    """A service writes neither in an insurer's name, nor straight to a queue, nor where others answer."""
    with refused():
        await publish(await channel_of(service), exchange, "reimbursement.settled.v1")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_takes_from_its_own_queues_only(channel_of: Open, service: str) -> None:
    """A service reads the queues of its own flows and what the broker gave up delivering to them; no others."""
    own = {name for flow in FLOWS if flow.consumer == service for name in (flow.queue, dead_queue(flow))}
    for queue in (*QUEUES, *map(dead_queue, FLOWS)):
        taken = await (await channel_of(service)).get_queue(queue, ensure=False)
        if queue in own:
            await taken.cancel(await taken.consume(_leave, no_ack=False))
        else:
            with refused():
                await taken.consume(_leave)
            with refused():
                await (await (await channel_of(service)).get_queue(queue, ensure=False)).purge()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_declares_nothing(channel_of: Open, service: str) -> None:
    """A service changes no topology: it declares, binds, unbinds and deletes nothing, not even its own queues."""
    own = next(flow for flow in FLOWS if flow.consumer == service)
    with refused():
        await (await channel_of(service)).declare_queue("mine", exclusive=True)
    with refused():
        await (await channel_of(service)).declare_exchange("mine")
    for act in ("delete", "bind", "unbind"):
        queue = await (await channel_of(service)).get_queue(own.queue, ensure=False)
        with refused():
            await (queue.delete(if_empty=False) if act == "delete" else getattr(queue, act)(own.exchange, own.key))


async def test_every_topic_exchange_has_a_rule(stack: Stack, vhost: str, operator: AbstractChannel) -> None:
    """Where a user has no topic rule the broker lets everything through: each user has one for each topic exchange."""
    assert operator
    exchanges = {each["name"] for each in _ask(stack, f"exchanges/{vhost}") if each["type"] == "topic"}
    rules = {(each["user"], each["exchange"]) for each in _ask(stack, f"vhosts/{vhost}/topic-permissions")}
    assert {UPSTREAM, EVENTS, "amq.topic"} <= exchanges
    assert rules == {(user.name, exchange) for user in broker_users() for exchange in exchanges}


async def test_the_start_declares_what_services_would(stack: Stack, vhost: str, operator: AbstractChannel) -> None:
    """What the broker loads when it starts is, argument for argument, what `declare` makes of the topology."""
    from deploy.local.users import insurers
    from shared.messaging.amqp import declare
    from shared.messaging.topology import Topology

    before = _ask(stack, f"bindings/{vhost}")
    await declare(operator, Topology(insurers=tuple(each["code"] for each in insurers())))
    assert _ask(stack, f"bindings/{vhost}") == before


async def test_an_insurer_publishes_as_itself(channel_of: Open, operator: AbstractChannel) -> None:
    """An insurer may publish on `upstream` under its own name."""
    await publish(await channel_of(INSURER), UPSTREAM, "reimbursement.settled.v1", user=INSURER)
    arrived = await (await operator.get_queue("ingest.reimbursement.settled.v1")).get(timeout=5)
    assert arrived is not None
    assert arrived.user_id == INSURER


@pytest.mark.parametrize("user", [INSURER, *SERVICES])
async def test_the_name_of_another_is_refused(channel_of: Open, user: str) -> None:
    """The broker refuses a message that names another user as its publisher."""
    place = (UPSTREAM, "k") if user == INSURER else (EVENTS, "operator.acted.v1")
    with pytest.raises(ChannelClosed, match="user_id"):
        await publish(await channel_of(user), *place, user=OTHER)


@pytest.mark.parametrize("exchange", [EVENTS, LOGGED, FEEDBACK, "", "amq.topic"])
async def test_an_insurer_publishes_nowhere_else(channel_of: Open, exchange: str) -> None:
    """An insurer may publish neither to the exchanges of the services nor straight to a queue."""
    with refused():
        await publish(await channel_of(INSURER), exchange, "ingest.unknown")


async def test_an_insurer_declares_nothing(channel_of: Open) -> None:
    """An insurer may declare no queue, not even a private one."""
    with refused():
        await (await channel_of(INSURER)).declare_queue("mine", exclusive=True)


@pytest.mark.parametrize("queue", [flow.queue for flow in FLOWS] + ["feedback.msa", "feedback.cpam-445"])
async def test_an_insurer_reads_no_other_queue(channel_of: Open, operator: AbstractChannel, queue: str) -> None:
    """An insurer may read neither what arrives nor the refusals of another insurer."""
    await operator.declare_queue(queue, durable=True, passive=queue != "feedback.cpam-445")
    other = await (await channel_of(INSURER)).get_queue(queue, ensure=False)
    with refused():
        await other.get(timeout=5, fail=False)


async def test_an_insurer_reads_its_refusals(channel_of: Open) -> None:
    """An insurer reads what ingest refuses it on its own feedback queue."""
    await publish(await channel_of("ingest"), FEEDBACK, "cpam-44")
    own = await (await channel_of(INSURER)).get_queue("feedback.cpam-44", ensure=False)
    message = await own.get(timeout=5)
    assert message is not None
    assert message.body == b"x"


async def test_nobody_comes_in_as_guest(amqp_url: Callable[..., str]) -> None:
    """The broker's factory user does not exist, and a wrong password opens nothing."""
    address = amqp_url(INSURER).split("@", 1)[1]
    for login in ("guest:guest", "ingest:guess"):
        with pytest.raises(AMQPConnectionError):
            await aio_pika.connect(f"amqp://{login}@{address}", timeout=5)


async def _leave(message: AbstractIncomingMessage) -> None:
    """Give a message back."""
    await message.reject(requeue=True)


def _ask(stack: Stack, path: str) -> Any:
    """Ask the broker's management interface as the operator."""
    login = b64encode(f"operator:{stack.passwords['operator']}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - the address is ours
        f"{stack.management_url}/api/{quote(path)}", headers={"Authorization": f"Basic {login}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)
