"""One gateway for all tests that look at it, and what starts others with settings of their own."""

import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from deploy.local import gateway
from deploy.local.ports import assign
from deploy.local.servers import Server
from shared.http.server import serving
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
