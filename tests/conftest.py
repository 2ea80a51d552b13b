"""What every tier shares: one private broker and database per session, started by the first test that asks."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tiers import Tiers

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient
    from pymongo.asynchronous.database import AsyncDatabase

    from deploy.local.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `./carnet test` say which tiers it asks for."""
    parser.addoption("--tier", action="append", default=[], help="a tier that must have a test that passes")


def pytest_configure(config: pytest.Config) -> None:
    """Watch over the tiers."""
    # Processes that tests start stand on the plain connections of this machine.
    os.environ.setdefault("CARNET_SECURITY", "relaxed")
    config.pluginmanager.register(Tiers(config.getoption("tier"), Path(__file__).parent), "tiers")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a running broker and database: `amqp_url(user, vhost)`, `mongo_url`, `broker.kill()`, `.start()`."""
    home = tmp_path_factory.mktemp("stack")
    running = _start_stack(home)
    yield running
    running.discard()
    for data in ("mongodb", "rabbitmq"):
        shutil.rmtree(home / data, ignore_errors=True)


def _start_stack(home: Path) -> Stack:
    """Take addresses of the environment, else a container engine that answers, else native processes."""
    from deploy.local.stack import start_stack
    from tests.engine import engine_answers, start_containers

    given = os.environ.get("CARNET_AMQP_URL") and os.environ.get("CARNET_MONGO_URL")
    wanted = os.environ.get("CARNET_STACK", "")
    if wanted == "containers":
        return start_containers(home)
    if not (given or wanted == "native") and engine_answers():
        try:
            return start_containers(home)
        except Exception as error:  # noqa: BLE001 - an engine that cannot fetch images is no reason to fail
            print(f"The container engine answers but did not help ({error}); starting native processes.")  # noqa: T201
    return start_stack(home, management=True, cache_gb=0.25)


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
    from shared.mongo import stated

    name = f"test_{uuid.uuid4().hex[:12]}"
    yield stated(mongo_client[name])
    for each in (name, f"{name}_openings"):
        await mongo_client.drop_database(each)


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
