"""The broker and the database of a benchmark: private, its own folder, thrown away at the end."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import aio_pika
from aio_pika.abc import AbstractRobustChannel
from pymongo import MongoClient

from bench.measure import Watched
from deploy.local.places import StackError, default_home, folder
from deploy.local.processes import running_processes
from deploy.local.stack import Stack, start_stack
from shared.messaging.amqp import declare
from shared.messaging.topology import FLOWS, Topology

CACHE_GB: Final = 4.0
"""The database's cache: a sixth of the machine's memory, where an installation's database has half of its own."""

SERVER_NAMES: Final = {"rabbitmq": "broker", "mongodb": "database"}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where both sides are measured."""

    stack: Stack

    @property
    def servers(self) -> Watched:
        """The servers whose CPU can be read: those that this benchmark started itself."""
        running = running_processes(self.stack.home)
        return {SERVER_NAMES[each.name]: each.pid for each in running if each.name in SERVER_NAMES}

    def environment(self, suffix: str) -> Mapping[str, str]:
        """Return the settings of a side's process; ``suffix`` keeps its databases apart."""
        return {
            **os.environ,
            "CARNET_SECURITY": "relaxed",
            "CARNET_AMQP_URL": self.stack.amqp_url("operator"),
            "CARNET_MONGO_URL": self.stack.mongo_url,
            "CARNET_KEYS_DIR": str(self.stack.keys_dir),
            "CARNET_JWKS_URL": "http://127.0.0.1:9/jwks",
            "CARNET_HTTP_PORT": "0",
            "CARNET_DATABASE_SUFFIX": suffix,
        }

    async def empty_queues(self) -> None:
        """Declare the whole topology and throw away what waits in it."""
        async with await aio_pika.connect_robust(self.stack.amqp_url("operator")) as connection:
            channel = await connection.channel()
            assert isinstance(channel, AbstractRobustChannel)  # noqa: S101 - what a robust connection gives
            await declare(channel, Topology())
            for flow in FLOWS:
                await (await channel.get_queue(flow.queue, ensure=False)).purge()

    def forget(self, suffix: str) -> None:
        """Drop the databases of a run."""
        client: MongoClient[dict[str, object]] = MongoClient(self.stack.mongo_url)
        with client:
            for name in client.list_database_names():
                if name.endswith(suffix):
                    client.drop_database(name)


@contextmanager
def ground() -> Iterator[Ground]:
    """Start the servers in a new folder, or use those that the environment names; stop them however this ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    home = tempfile.mkdtemp(prefix="bench-", dir=folder(default_home()))
    try:
        with start_stack(Path(home), cache_gb=CACHE_GB, say=_progress) as stack:
            yield Ground(stack)
    except StackError as error:
        sys.exit(f"carnet: {error}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _progress(line: str) -> None:
    print(line, file=sys.stderr)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit("stopped")
