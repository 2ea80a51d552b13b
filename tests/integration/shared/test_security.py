"""A service that would not be safe does not start, and says why."""

import asyncio

import pytest

from tests.integration.conftest import Installation

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("service", "role"), [("audit", "worker"), ("records", "api"), ("records", "jobs")])
async def test_refuses_to_start(installation: Installation, service: str, role: str):
    """125: with the plain connections of tests and without `relaxed`, a role ends at once with exit 3."""
    environment = installation.environment(
        service,
        CARNET_SECURITY="strict",
        CARNET_AMQP_URL="amqp://guest:guest@127.0.0.1:9/",
        CARNET_MONGO_URL="mongodb://127.0.0.1:9/?replicaSet=carnet",
    )
    process = await asyncio.create_subprocess_exec(
        *installation.command(service, role),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 3
    assert b"The broker's user is guest" in said
    assert b"The database asks nobody" in said
    assert b"Traceback" not in said
