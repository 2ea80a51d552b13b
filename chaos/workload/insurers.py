"""Insurers that never give up: a message is published again until the broker confirms it, and each try is recorded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from chaos.history import History
from chaos.workload.ledger import Message
from chaos.workload.pressure import Pressure
from chaos.workload.wire import Parcel, Wire

IN_FLIGHT: Final = 2
"""Messages that one insurer has under way at a time."""

_AGAIN_S: Final = 0.5
_LOOK_S: Final = 0.05
_BLIND_PAUSE_S: Final = 0.2
"""Before each message while nobody knows how far the system is behind."""


@dataclass(slots=True)
class Publisher:
    """Everything that insurers publish in a run goes through here."""

    wires: dict[str, Wire]
    history: History
    pressure: Pressure
    confirmed: int = 0
    """Events; one that was published twice counts twice."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def publish(self, message: Message) -> None:
        """Publish until it is confirmed, however long that takes."""
        number = next(self._numbers)
        events = sum(len(group["ids"]) if "ids" in group else group["bad"] for group in message.groups)
        for attempt in count(1):
            if await self._try(message, number, attempt, events):
                self.confirmed += events
                return
            await asyncio.sleep(_AGAIN_S)

    async def _try(self, message: Message, number: int, attempt: int, events: int) -> bool:
        wire = self.wires[message.insurer]
        facts = {"groups": message.groups} if attempt == 1 else {}
        told = {"message": number, "attempt": attempt, "key": message.key, "events": events, **facts}
        parcel = Parcel(f"chaos-{number}", message.key, message.content_type, message.body)
        with self.history.operation(wire.user, "publish", **told) as operation:
            return await wire.attempt(parcel, operation)


@contextlib.asynccontextmanager
async def publisher(brokers: dict[str, str], history: History, pressure: Pressure) -> AsyncIterator[Publisher]:
    """Give a publisher for the insurers whose broker addresses these are; nothing is connected yet."""
    wires = {code: Wire(code, url) for code, url in brokers.items()}
    try:
        yield Publisher(wires, history, pressure)
    finally:
        await asyncio.gather(*(wire.close() for wire in wires.values()))


async def publish_all(sender: Publisher, messages: Iterator[Message], stop: asyncio.Event) -> None:
    """Publish messages as fast as the system follows, until they or the time are over; each is seen to its end.

    What others wait for is published all the same.
    """
    queues = {code: asyncio.Queue[Message](2) for code in sender.wires}

    async def work(queue: asyncio.Queue[Message]) -> None:
        while True:
            await sender.publish(await queue.get())
            queue.task_done()

    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(work(queue)) for queue in queues.values() for _ in range(IN_FLIGHT)]
        # Making a cohort's lines takes long: readers go on meanwhile.
        while (message := await asyncio.to_thread(next, messages, None)) is not None:
            while not (stop.is_set() or sender.pressure.free):  # noqa: ASYNC110 - two conditions
                await asyncio.sleep(_LOOK_S)
            if stop.is_set() and not message.owed:
                break
            await asyncio.sleep(_BLIND_PAUSE_S if sender.pressure.blind else 0)
            await queues[message.insurer].put(message)
        await asyncio.gather(*(queue.join() for queue in queues.values()))
        for task in working:
            task.cancel()
