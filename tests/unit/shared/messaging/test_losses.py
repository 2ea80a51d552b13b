"""A connection that is lost is an error for who waits on it, and being told to stop is not."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.messaging import taps
from shared.messaging.jobs import Job, Rota
from shared.messaging.losses import answered, losses
from shared.messaging.receipts import Receipts
from shared.messaging.taps import SubscribedTap


async def lost() -> None:
    """Wait for an answer as aiormq has it when the connection goes: its future is cancelled, the task is not."""
    answer = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(answer.cancel)
    await answer


async def test_a_loss_is_an_error():
    """What passes every ``except Exception`` becomes something that none of them misses."""
    with pytest.raises(ConnectionError), losses():
        await lost()
    with pytest.raises(ConnectionError):
        async with answered(5):
            await lost()


async def test_a_closed_connection_is_lost():
    """aio-pika has no error of its own for it."""
    with pytest.raises(ConnectionError):
        async with answered(5):
            raise RuntimeError("Connection was not opened")


async def test_a_frozen_broker_is_a_timeout():
    """Who gets no answer is told so in time."""
    with pytest.raises(TimeoutError):
        async with answered(0.01):
            await asyncio.Event().wait()


async def test_being_told_to_stop_is_no_loss():
    """A task that is cancelled ends as cancelled."""

    async def waiting() -> None:
        async with answered(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()


async def test_a_job_goes_on_after_a_loss():
    """A job whose question to the broker was lost is done again: the ledger does not end unseen (rule 14)."""
    done = asyncio.Event()
    tries = 0

    async def look(_perform: Any) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            await lost()
        done.set()

    rota = Rota(cast("Any", None), [], cast("Any", None))
    repeating = asyncio.create_task(rota._repeat(Job("look", timedelta(0), look), cast("Any", None)))
    async with asyncio.timeout(5):
        await done.wait()

    assert not repeating.done()
    assert not rota.failing
    repeating.cancel()


async def test_a_subscription_is_asked_for_again_after_a_loss(monkeypatch: pytest.MonkeyPatch):
    """A consumer that was given back resumes, although the first tries were lost on the way (rule 12)."""
    monkeypatch.setattr(taps, "_AGAIN_S", 0)
    tries = 0

    async def consume(_take: Any, *, no_ack: bool) -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            await lost()
        return f"tag {no_ack}"

    queue = SimpleNamespace(name="q", consume=consume, channel=SimpleNamespace(is_closed=False))
    subscriber = SimpleNamespace(_queue_obj=queue, _consumer_tag=None, consume=None)

    await SubscribedTap(cast("Any", subscriber)).resume()

    assert subscriber._consumer_tag == "tag False"


async def test_an_acknowledgement_lost_on_one_channel_is_sent_on_the_other():
    """What came by a connection that lives is acknowledged, whatever became of an older one's."""
    acknowledged: list[str] = []

    class Channel:
        """A channel that is open."""

        is_closed = False

    class Message(SimpleNamespace):
        """A message that was handed over as the first of its channel."""

        async def ack(self, *, multiple: bool = False) -> None:
            """Acknowledge, or lose the connection."""
            if self.name == "old":
                await lost()
            acknowledged.append(self.name)

    receipts = Receipts("q")
    for name in ("old", "new"):
        message = cast("Any", Message(name=name, channel=Channel(), delivery_tag=1))
        receipts.take(message)
        await receipts.finish(message)
    await receipts.sent()

    assert acknowledged == ["new"]
