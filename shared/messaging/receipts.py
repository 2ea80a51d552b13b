"""Acknowledges what finished together in one frame: the broker's work per message is a third of one by one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aiormq.abc import AbstractChannel

from shared.messaging.losses import losses

_REMEMBERED: Final = 10_000
"""Numbers remembered beyond a missing one; more, and this channel's messages are acknowledged one by one."""

log = structlog.get_logger()


@dataclass(slots=True)
class Progress:
    """How far the messages of a channel, which the broker numbers from 1, are finished.

    To acknowledge one "and all before it" is right only when all before it are finished, in whatever order.
    """

    reached: int = 0
    """Every message up to this number is finished."""
    ahead: set[int] = field(default_factory=set)
    """Finished beyond a number that is missing."""

    def finish(self, numbers: Sequence[int]) -> tuple[int | None, list[int]]:
        """Return the number to acknowledge with all before it, if any, and those to acknowledge alone."""
        if len(self.ahead) < _REMEMBERED:
            self.ahead.update(numbers)
        while self.reached + 1 in self.ahead:
            self.reached += 1
            self.ahead.remove(self.reached)
        together = [number for number in numbers if number <= self.reached]
        return max(together, default=None), [number for number in numbers if number > self.reached]


class Receipts:
    """Takes the finished messages of one queue and acknowledges them once the consumer waits for something else."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self._finished: dict[AbstractChannel, dict[int, AbstractIncomingMessage]] = {}
        self._progress: WeakKeyDictionary[AbstractChannel, Progress] = WeakKeyDictionary()
        self._sending: asyncio.Task[None] | None = None
        self._taken: WeakKeyDictionary[AbstractChannel, int] = WeakKeyDictionary()

    @property
    def held(self) -> int:
        """How many messages are taken and not finished; what came by a channel that ended is in the queue again."""
        return sum(count for channel, count in self._taken.items() if not channel.is_closed)

    def take(self, message: AbstractIncomingMessage) -> None:
        """Note that a message came."""
        self._taken[message.channel] = self._taken.get(message.channel, 0) + 1

    async def finish(self, message: AbstractIncomingMessage) -> None:
        """Note that every event of a message has its row; raise if its channel is gone."""
        self._finished.setdefault(message.channel, {})[message.delivery_tag or 0] = message
        self._taken[message.channel] = self._taken.get(message.channel, 1) - 1
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def sent(self) -> None:
        """Return once everything that is finished is acknowledged."""
        while self._sending is not None and not self._sending.done():
            await self._sending

    async def _send(self) -> None:
        """Acknowledge, one frame after the other; what came meanwhile is next."""
        while self._finished:
            finished, self._finished = self._finished, {}
            for channel, messages in finished.items():
                await self._acknowledge(self._progress.setdefault(channel, Progress()), messages)

    async def _acknowledge(self, progress: Progress, messages: dict[int, AbstractIncomingMessage]) -> None:
        """An acknowledgement that fails is harmless: the broker delivers again and the inbox knows."""
        together, alone = progress.finish(list(messages))
        try:
            with losses():
                if together is not None:
                    await messages[together].ack(multiple=True)
                for number in alone:
                    await messages[number].ack()
        except Exception as error:  # noqa: BLE001 - whatever the library raises on a channel that is gone
            log.info("acknowledgement_lost", queue=self.queue, error=type(error).__name__)
