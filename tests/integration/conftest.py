"""What the tests of services as processes share: an installation of their own on the session's broker and database."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

ROOT = Path(__file__).parents[2]
Launch = Callable[..., Awaitable[Process]]
"""Starts a role: `await launch("records", "jobs", CARNET_…="…")`."""

_SERVICES = ("ingest", "records", "notifications", "audit", "openings", "vault")


@dataclass(frozen=True)
class Installation:
    """A virtual host, databases and keys of one test."""

    suffix: str
    keys: Path
    mongo_url: str
    amqp_url: Callable[[str], str]
    """The broker's address for a user."""

    def environment(self, user: str, **more: str) -> dict[str, str]:
        """Return the environment of a service's process."""
        return {
            **os.environ,
            "CARNET_AMQP_URL": self.amqp_url(user),
            "CARNET_MONGO_URL": self.mongo_url,
            "CARNET_DATABASE_SUFFIX": self.suffix,
            "CARNET_KEYS_DIR": str(self.keys),
            "CARNET_JWKS_URL": "http://127.0.0.1:9/jwks",
            "CARNET_HTTP_PORT": "0",
            **more,
        }

    def command(self, service: str, role: str = "worker") -> tuple[str, ...]:
        """Return the command line of a service's role."""
        return sys.executable, "-m", f"services.{service}", role


@pytest.fixture
async def installation(
    stack: Any, amqp_url: Callable[..., str], vhost: str, mongo_client: Any, tmp_path: Path
) -> AsyncIterator[Installation]:
    """Give an installation whose broker knows the topology; its databases are dropped afterwards."""
    from deploy.local.vhosts import load_topology

    load_topology(stack, vhost)
    for name in ("kek", "index"):
        (tmp_path / name).write_bytes(os.urandom(32))
        (tmp_path / name).chmod(0o400)
    made = Installation(f"_{uuid4().hex[:8]}", tmp_path, stack.mongo_url, lambda user: amqp_url(user, vhost))
    yield made
    for name in _SERVICES:
        await mongo_client.drop_database(name + made.suffix)


@pytest.fixture
async def launch(installation: Installation) -> AsyncIterator[Launch]:
    """Give what starts a role of a service as a process; what still runs at the end is killed."""
    started: list[Process] = []

    async def launch_one(service: str, role: str = "worker", **settings: str) -> Process:
        command, environment = installation.command(service, role), installation.environment(service, **settings)
        started.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment))
        return started[-1]

    yield launch_one
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(condition: Callable[[], Awaitable[bool]], what: str = "it", seconds: float = 60) -> None:
    """Wait for something that another process or task makes true; say what did not come true."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - what is waited for is in a database or a broker
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{what} did not happen within {seconds:.0f} s")
