"""The publisher's connection (design §4, rule 7)."""

import asyncio
from typing import Any

import aio_pika
import pytest

from shared.messaging import amqp
from shared.messaging.amqp import AmqpPublisher
from shared.messaging.topology import Topology


async def test_a_start_has_an_end(monkeypatch: pytest.MonkeyPatch):
    """A broker that is lost while its topology is looked for ends the start, and who starts it tries again."""

    async def connected(*_: Any, **__: Any) -> object:
        return object()

    async def without_end(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(aio_pika, "connect_robust", connected)
    monkeypatch.setattr(amqp, "ensure", without_end)
    monkeypatch.setattr(amqp, "START_TIMEOUT_S", 0.0)
    starting = asyncio.create_task(AmqpPublisher("amqp://nobody@localhost/", Topology(), "shop").start())
    ended, _ = await asyncio.wait({starting}, timeout=5)
    assert ended
    with pytest.raises(TimeoutError):
        await starting
