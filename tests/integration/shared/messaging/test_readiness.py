"""What a worker says of itself while its broker is frozen, its consumer cancelled or its relay stuck."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aio_pika
import httpx
import pytest

from deploy.local.ports import free_port
from shared.messaging.amqp import declare
from shared.messaging.topology import Topology
from tests.integration.shared.messaging.conftest import Rig, things
from tests.integration.shared.messaging.stand import FLOWS, KEPT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

LONGEST_S = 4.0
"""A door that tells of a frozen peer must not be frozen itself."""


class Worker:
    """A stand and its doors."""

    def __init__(self, rig: Rig, **failpoints: str) -> None:
        self.rig = rig
        self.port = free_port(())
        self.process = rig.worker(str(self.port), **failpoints)

    async def ask(self) -> dict[str, bool]:
        """Return what /readyz says; nothing while there is no door. An answer that is late fails."""
        began = time.monotonic()
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
                answer = await client.get(f"http://127.0.0.1:{self.port}/readyz")
        except httpx.ConnectError:
            return {}
        assert time.monotonic() - began < LONGEST_S
        said: dict[str, bool] = answer.json()
        assert answer.status_code == (200 if all(said.values()) else 503)
        return said

    async def until_wrong(self, *names: str, seconds: float = 20) -> None:
        """Wait until exactly these checks fail."""

        async def wrong() -> bool:
            said = await self.ask()
            return bool(said) and {name for name, well in said.items() if not well} == set(names)

        await self.rig.until(wrong, f"/readyz to fail by {names or 'nothing'}", seconds)


@contextmanager
def frozen(rig: Rig) -> Iterator[None]:
    """Stop the broker's process where it stands (SIGSTOP): its connections stay open, and nobody answers."""
    running = getattr(rig.stack.broker, "running", None)
    if running is None:
        pytest.skip("the broker is not a process of this machine")
    os.killpg(running.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(running.pid, signal.SIGCONT)


async def test_a_frozen_broker(rig: Rig):
    """A broker that is frozen makes a worker unready within seconds, heartbeat or not, and ready again afterwards."""
    worker = Worker(rig)
    await worker.until_wrong(seconds=60)
    with frozen(rig):
        began = time.monotonic()
        await worker.until_wrong("broker", "consuming")
        assert time.monotonic() - began < 15
    await worker.until_wrong(seconds=60)
    await rig.publish(things(20))
    await rig.until_kept(20)


async def test_a_cancelled_consumer(rig: Rig):
    """A queue that is deleted has the broker cancel its consumer: unready, and ready again when the queue is back."""
    worker = Worker(rig)
    await worker.until_wrong(seconds=60)
    connection = await aio_pika.connect(rig.url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(KEPT.queue)
        await worker.until_wrong("consuming")
        await asyncio.sleep(1.5)  # that it tries again by itself is not enough
        assert (await worker.ask())["consuming"] is False
        await declare(channel, Topology(FLOWS))
    await worker.until_wrong(seconds=60)


async def test_a_stuck_relay(rig: Rig):
    """A relay that leaves a message lying is to be seen, though broker, database and consumer are well."""
    worker = Worker(rig, publish="never", stuck_ms="3000", beat_s="1")
    await worker.until_wrong(seconds=60)
    await rig.publish(things(3))
    await worker.until_wrong("relay", seconds=30)
