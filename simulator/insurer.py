"""The insurers: each publishes as its own broker user, through AMQP only, and counts what the broker confirmed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import uuid4

import aio_pika
import orjson
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from shared.contracts.records import HistoryRequestedV1
from shared.messaging.cloudevents import MAX_EVENTS, join, slices
from shared.messaging.topology import UPSTREAM, feedback_queue
from simulator.archive import Archive
from simulator.publications import End, Publication

IN_FLIGHT: Final = 16
"""Messages whose confirmation an insurer may await at the same time."""

CONFIRM_SECONDS: Final = 30.0


@dataclass(slots=True)
class Tally:
    """What the insurers published, what must become of it, and what they were told."""

    published: Counter[str] = field(default_factory=Counter)
    """Events that the broker confirmed, by routing key; a message that cannot be read is one, a further copy none."""
    expected: Counter[End] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    """Refusals read from the feedback queues, by reason."""
    messages: int = 0
    histories: int = 0
    """Requests for somebody's past months that were answered, whether or not there was any care."""

    def confirm(self, publications: Iterable[Publication]) -> None:
        """Count the events of a message that the broker has confirmed."""
        self.messages += 1
        for publication in publications:
            self.published[publication.key] += not publication.is_copy
            self.expected.update(publication.ends)


class Insurer:
    """One insurer's connection: it publishes under its verified name and reads its own feedback."""

    def __init__(self, code: str, user: str, exchange: AbstractExchange, tally: Tally) -> None:
        self.code = code
        self._user = user
        self._exchange = exchange
        self._tally = tally
        self._free = asyncio.Semaphore(IN_FLIGHT)

    async def publish(self, publications: Sequence[Publication], tasks: asyncio.TaskGroup) -> None:
        """Publish events of one type as one message; return as soon as another may follow, and count when confirmed."""
        await self._free.acquire()
        tasks.create_task(self._confirmed(publications))

    async def _confirmed(self, publications: Sequence[Publication]) -> None:
        try:
            body, content_type = join([publication.body for publication in publications])
            first = publications[0]
            message = aio_pika.Message(
                body,
                content_type=first.content_type if first.alone else content_type,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=uuid4().hex,
                type=first.key,
                user_id=self._user,
            )
            async with asyncio.timeout(CONFIRM_SECONDS):
                await self._exchange.publish(message, first.key, mandatory=True)
            self._tally.confirm(publications)
        finally:
            self._free.release()


@asynccontextmanager
async def insurers(
    codes_and_users: Mapping[str, str], address: Callable[[str], str], tally: Tally, archive: Archive | None = None
) -> AsyncIterator[dict[str, Insurer]]:
    """Connect the insurers, by code; ``address`` gives the broker's address for a user.

    With an ``archive`` they answer when they are asked for the past months of somebody whose record was opened.
    Carnet must run: it declares the exchange and the feedback queues, which insurers may not.
    """
    async with AsyncExitStack() as stack:
        yield {
            code: await stack.enter_async_context(_connected(code, user, address(user), tally, archive))
            for code, user in codes_and_users.items()
        }


@asynccontextmanager
async def _connected(code: str, user: str, url: str, tally: Tally, archive: Archive | None) -> AsyncIterator[Insurer]:
    connection = await aio_pika.connect(url, timeout=10, client_properties={"connection_name": user})
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        insurer = Insurer(code, user, await channel.get_exchange(UPSTREAM, ensure=False), tally)
        reading = await connection.channel()
        await reading.set_qos(prefetch_count=IN_FLIGHT)
        feedback = await reading.get_queue(feedback_queue(code), ensure=False)
        await feedback.consume(partial(_read, insurer=insurer, tally=tally, archive=archive))
        yield insurer


async def _read(message: AbstractIncomingMessage, insurer: Insurer, tally: Tally, archive: Archive | None) -> None:
    """Count what was refused, and answer what was asked; taken only once the answer is confirmed."""
    async with message.process(requeue=True):
        document: Any = orjson.loads(message.body)
        events = document if isinstance(document, list) else [document]
        asked = [event["data"] for event in events if event["type"] == HistoryRequestedV1.TYPE]
        if archive is not None and asked:
            await publish_all({insurer.code: insurer}, [line for one in asked for line in archive.answer(one)])
            tally.histories += len(asked)
        for event in events:
            if event["type"].endswith(".refused.v1"):
                tally.told[event["data"]["reason"]] += 1


async def publish_all(senders: Mapping[str, Insurer], publications: Iterable[Publication]) -> None:
    """Publish everything, each event by its insurer, in messages of at most 200; return when all is confirmed.

    Raise an `ExceptionGroup` when the broker does not confirm.
    """
    held: dict[tuple[str, str], list[Publication]] = {}
    async with asyncio.TaskGroup() as tasks:
        for publication in publications:
            sender = senders[publication.insurer]
            if publication.alone:
                await sender.publish([publication], tasks)
                continue
            group = held.setdefault((publication.insurer, publication.key), [])
            group.append(publication)
            if len(group) == MAX_EVENTS:
                await _send(sender, group, tasks)
                group.clear()
        for (code, _key), group in held.items():
            await _send(senders[code], group, tasks)


async def _send(sender: Insurer, group: Sequence[Publication], tasks: asyncio.TaskGroup) -> None:
    start = 0
    for bodies in slices(publication.body for publication in group):
        await sender.publish(group[start : start + len(bodies)], tasks)
        start += len(bodies)
        await asyncio.sleep(0)  # whoever shows the progress gets a turn
