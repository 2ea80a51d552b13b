"""Questions that tell whether something works, not whether it is connected; one that is not answered is answered no.

A frozen broker keeps its connections, and a library's own timeout waits for its goodbye: so a question runs in a task
of its own that nobody waits for longer than they like.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, cast

import aiormq
from aio_pika.abc import AbstractConnection, AbstractRobustQueue
from faststream.rabbit import RabbitBroker
from faststream.rabbit.subscriber import RabbitSubscriber

from shared.messaging.topology import EVENTS

PATIENCE_S: Final = 1.0
"""How long an answer may take."""

_GIVEN_UP_S: Final = 15.0
"""A question that is not answered for so long is asked anew: its answer may be lost."""


class Probe:
    """A question with one copy under way at a time, whoever asks; no answer in time is a no, and so is an error."""

    def __init__(self, ask: Callable[[], Awaitable[bool]], *, patience: float | None = None) -> None:
        self._ask = ask
        self._patience = patience
        self._asked: asyncio.Task[bool] | None = None
        self._since = 0.0

    async def __call__(self) -> bool:
        """Return the answer."""
        now = asyncio.get_running_loop().time()
        if self._asked is not None and not self._asked.done() and now - self._since > _GIVEN_UP_S:
            self._asked.cancel()
            self._asked = None
        if self._asked is None or self._asked.done():
            self._asked, self._since = asyncio.create_task(self._answer()), now
        asked = self._asked
        await asyncio.wait({asked}, timeout=PATIENCE_S if self._patience is None else self._patience)
        return asked.done() and not asked.cancelled() and asked.result()

    async def _answer(self) -> bool:
        try:
            return await self._ask()
        except Exception:  # noqa: BLE001 - whatever it is, this does not work
            return False


async def goes_round(connection: AbstractConnection | None) -> bool:
    """Tell whether the broker answers on this connection: a question there and back, on a channel of its own."""
    if connection is None:
        return False
    channel = await connection.channel(publisher_confirms=False)
    await channel.declare_exchange(EVENTS, passive=True)
    await channel.close()
    return True


async def is_subscribed(subscriber: RabbitSubscriber) -> bool:
    """Tell whether a subscription stands: its queue may be gone, or the broker may have cancelled it."""
    queue: AbstractRobustQueue | None = subscriber._queue_obj  # noqa: SLF001 - nothing public names the consumer
    tag = subscriber._consumer_tag  # noqa: SLF001
    if queue is None or tag is None:
        return False
    channel = cast("aiormq.Channel", await queue.channel.get_underlay_channel())
    return not channel.is_closed and tag in channel.consumers


async def hears(broker: RabbitBroker) -> bool:
    """Tell whether messages can come: the broker answers on that connection, and every subscription stands."""
    standing = [await is_subscribed(each) for each in broker.subscribers if isinstance(each, RabbitSubscriber)]
    return all(standing) and await goes_round(await broker.connect())
