"""What every tier shares: one private broker and database per session, started by the first test that asks."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient
    from pymongo.asynchronous.database import AsyncDatabase

    from deploy.local.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a running broker and database: `amqp_url(user, vhost)`, `mongo_url`, `broker.kill()`, `.start()`."""
    from deploy.local.stack import start_stack

    home = tmp_path_factory.mktemp("stack")
    running = start_stack(home, management=True, cache_gb=0.25)
    yield running
    running.discard()
    for data in ("mongodb", "rabbitmq"):
        shutil.rmtree(home / data, ignore_errors=True)


@pytest.fixture(scope="session")
async def mongo_client(stack: Stack) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """Give a client of the session's database, on the session's event loop."""
    from pymongo import AsyncMongoClient

    async with AsyncMongoClient[dict[str, Any]](stack.mongo_url, tz_aware=True) as client:
        yield client


@pytest.fixture
async def database(
    mongo_client: AsyncMongoClient[dict[str, Any]],
) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """Give a database of this test alone, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield mongo_client[name]
    await mongo_client.drop_database(name)


@pytest.fixture
def vhost(stack: Stack) -> Iterator[str]:
    """Give the name of an empty virtual host of this test alone, deleted afterwards with its queues."""
    from deploy.local.vhosts import create_vhost, delete_vhost

    name = f"test-{uuid.uuid4().hex[:12]}"
    create_vhost(stack, name)
    yield name
    delete_vhost(stack, name)


@pytest.fixture(scope="session")
def amqp_url(stack: Stack) -> Callable[..., str]:
    """Give the broker's address for a user: `amqp_url("records", vhost)`; the virtual host is `/` by default."""
    return stack.amqp_url
