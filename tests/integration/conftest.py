"""What the tests of services as processes share: an installation of their own on the session's broker and database."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

ROOT = Path(__file__).parents[2]
_SERVICES = ("ingest", "records", "notifications", "audit", "vault")


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
    """Give an installation; its databases are dropped afterwards."""
    for name in ("kek", "index"):
        (tmp_path / name).write_bytes(os.urandom(32))
        (tmp_path / name).chmod(0o400)
    made = Installation(f"_{uuid4().hex[:8]}", tmp_path, stack.mongo_url, lambda user: amqp_url(user, vhost))
    yield made
    for name in _SERVICES:
        await mongo_client.drop_database(name + made.suffix)
