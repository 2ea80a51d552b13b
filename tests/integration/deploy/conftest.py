"""One gateway for all tests that look at it, others with settings of their own, and a database that knows its users."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from deploy.local import gateway, mongodb
from deploy.local.database_roles import ADMIN, ROLES, set_up
from deploy.local.ports import assign
from deploy.local.servers import Server
from deploy.local.stack import Stack, start_stack
from deploy.local.users import SERVICES
from shared.http.server import serving
from tests.integration.deploy.database_commands import As, Client
from tests.integration.deploy.gateways import Gateway, service


@pytest.fixture(scope="session")
async def standing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Callable[..., Gateway]]:
    """Give what starts a gateway with settings of its own before the same four services."""
    started: list[Gateway] = []
    async with contextlib.AsyncExitStack() as stack:
        doors = {
            f"{name}.api": await stack.enter_async_context(serving(service(name), "127.0.0.1", 0))
            for name in gateway.SERVICES
        }

        def start(**settings: str) -> Gateway:
            home = tmp_path_factory.mktemp("gateway")
            ports = assign(home, gateway.PORTS) | doors
            program = gateway.program(home, ports, settings=settings)
            server = Server(program, home, lambda: gateway.is_ready(home, ports[gateway.NAME]))
            started.append(Gateway(home, ports, server))
            server.start()
            return started[-1]

        yield start
        for each in started:
            each.server.kill()


@pytest.fixture(scope="session")
def running(standing: Callable[..., Gateway]) -> Gateway:
    """Give a gateway as the local stack starts it."""
    return standing()


@pytest.fixture(scope="module")
def guarded(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a stack whose database asks who is there: an engine's, or one of the environment, may not."""
    if stack.origin == "native":
        yield stack
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CARNET_AMQP_URL", "CARNET_MONGO_URL"):
            patch.delenv(name, raising=False)
        own = start_stack(tmp_path_factory.mktemp("guarded"), cache_gb=0.25)
    yield own
    own.discard()


@pytest.fixture(scope="module")
def admin(guarded: Stack) -> Iterator[Client]:
    """Give a client that may do everything."""
    with Client(guarded.mongo_url) as client:
        yield client


@pytest.fixture(scope="module")
def place(admin: Client) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give the suffix of databases, roles and users of these tests, and the passwords."""
    suffix, passwords = f"_{uuid4().hex[:8]}", {user: uuid4().hex for user in ROLES}
    set_up(admin, passwords, suffix=suffix)
    yield suffix, passwords
    for user in ROLES:
        admin.admin.command("dropUser", user + suffix)
        admin.admin.command("dropRole", user + suffix)
    for name in (*SERVICES, "vault", "contents"):
        admin.drop_database(name + suffix)


@pytest.fixture(scope="module")
def clients(guarded: Stack, place: tuple[str, Mapping[str, str]]) -> Iterator[As]:
    """Give what returns the client of a user."""
    suffix, passwords = place
    port = int(guarded.mongo_url.rpartition("/?")[0].rpartition(":")[2])
    opened = {user: Client(mongodb.url(port, user + suffix, passwords[user])) for user in ROLES}
    yield opened.__getitem__
    for client in opened.values():
        client.close()


@pytest.fixture
def act(clients: As, place: tuple[str, Mapping[str, str]]) -> Callable[..., Any]:
    """Give what runs a command as a user in a database."""

    def run(user: str, database: str, command: Mapping[str, Any]) -> Any:
        name = database if database == ADMIN else database + place[0]
        return clients(user)[name].command(dict(command))

    return run
