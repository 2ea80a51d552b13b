"""The broker and the database of a run: private, on own ports, with what only a run that hurts them may have."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel

from deploy.local.debian import Say
from deploy.local.places import StackError
from deploy.local.servers import Restartable, Server
from deploy.local.stack import Stack, start_stack
from shared.messaging.amqp import declare
from shared.messaging.topology import FLOWS, Topology

_CACHE_GB = 1.0

ADDRESSES = ("CARNET_AMQP_URL", "CARNET_MONGO_URL")


@contextmanager
def private_stack(home: Path, say: Say) -> Iterator[Stack]:
    """Start both servers on an empty folder, the database with its failpoints; stop them however this ends."""
    for name in ADDRESSES:
        if os.environ.get(name):
            raise StackError(f"{name} is set: chaos hurts servers of its own only. Unset it and try again.")
    with start_stack(home, cache_gb=_CACHE_GB, failpoints=True, say=say) as stack:
        yield stack


def native(server: Restartable) -> Server:
    """Return a server as the process that it is here."""
    assert isinstance(server, Server)  # noqa: S101 - `private_stack` starts no other
    return server


@dataclass(frozen=True, slots=True)
class BrokerHands:
    """What an operator of the broker can do by hand: its own tool, and its administrator's connection."""

    stack: Stack

    async def control(self, *words: str) -> str:
        """Run ``rabbitmqctl``; raise StackError with what it said if it failed."""
        program = native(self.stack.broker).program
        tool = Path(program.argv[0]).with_name("rabbitmqctl")
        process = await asyncio.create_subprocess_exec(
            str(tool),
            *words,
            env=dict(program.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
        text = said.decode(errors="replace").strip()
        if process.returncode:
            raise StackError(f"rabbitmqctl {' '.join(words)} failed: {text}")
        return text

    async def connect(self) -> aio_pika.abc.AbstractConnection:
        """Connect as the operator, past every link."""
        return await aio_pika.connect(self.stack.amqp_url("operator"), timeout=10)

    async def delete_queue(self, queue: str) -> int:
        """Delete a queue with what is in it; return how many messages that were."""
        async with await self.connect() as connection, connection.channel() as channel:
            answer = await channel.queue_delete(queue)
            return answer.message_count or 0

    async def declare_all(self, insurers: tuple[str, ...]) -> None:
        """Declare what is missing of the topology, as loading the definitions again does."""
        async with await self.connect() as connection, connection.channel() as channel:
            await declare(_plain(channel), Topology(FLOWS, insurers=insurers))


def _plain(channel: Any) -> AbstractChannel:
    assert isinstance(channel, AbstractChannel)  # noqa: S101 - what a connection gives
    return channel
