"""A service's operators' doors on a real database and broker."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from shared.http import problems
from shared.http.operations import operations
from shared.messaging.runtime import Runtime, open_runtime
from shared.settings import ServiceSettings
from tests.fakes.gate import KnownKeys, gate_of
from tests.fakes.messaging import ManualClock
from tests.integration.conftest import Installation
from tests.integration.shared.operators import KEY, NOW


@pytest.fixture
async def runtime(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """Open what the records service stands on, in databases and a virtual host of this test."""
    for name, value in installation.environment("records").items():
        monkeypatch.setenv(name, value)
    async with open_runtime("records", ServiceSettings()) as opened:
        yield opened


@pytest.fixture
async def client(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the doors."""
    app = FastAPI()
    problems.install(app)
    gate = gate_of(KnownKeys(KEY), clock=ManualClock(NOW))
    for router in operations(runtime, gate):
        app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://records") as opened:
        yield opened
