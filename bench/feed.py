"""Fills a queue before a side is started, so that what is measured is consuming and nothing else."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import urandom
from typing import Final

import aio_pika
import orjson

from bench.lines import Line, lines
from shared.contracts.ingest import ReimbursementReceivedV1, ReimbursementReceivedV1Data
from shared.messaging.cloudevents import join
from shared.sealing import Key, aad, seal
from shared.sealing.keys import KEY_ID_BYTES, MATERIAL_BYTES

CLEAR_QUEUE: Final = "bench.lines"
IN_FLIGHT: Final = 200


@dataclass(slots=True)
class Sealing:
    """What sealing cost: it is done where lines enter, so it is counted on our side."""

    events: int = 0
    seconds: float = 0.0

    def box(self, key: Key, line: Line, content: bytes) -> str:
        """Return a line's content sealed and in base64, as ingest does."""
        started = time.perf_counter()
        box = b64encode(seal(key, content, aad(line.record, line.id, "reimbursement.v1"))).decode()
        self.seconds += time.perf_counter() - started
        self.events += 1
        return box


async def fill_sealed(url: str, queue: str, count: int, per_message: int, sealing: Sealing) -> None:
    """Put ``count`` of our events, sealed, into a queue that is there."""
    key = Key(urandom(KEY_ID_BYTES), urandom(MATERIAL_BYTES))
    bodies = [_event(line, sealing.box(key, line, orjson.dumps(line.content))) for line in lines(count)]
    messages = [join(part) for part in _parts(bodies, per_message)]
    async with await aio_pika.connect_robust(url) as connection:
        await _publish(connection, queue, messages)


async def fill_clear(url: str, queue: str, count: int, per_message: int) -> None:
    """Put ``count`` lines as plain JSON into a quorum queue, made if it is not there."""
    bodies = [
        orjson.dumps({"id": line.id, "record": line.record, "month": line.month, "content": line.content})
        for line in lines(count)
    ]
    messages = [
        (part[0] if per_message == 1 else b"[" + b",".join(part) + b"]", "application/json")
        for part in _parts(bodies, per_message)
    ]
    async with await aio_pika.connect_robust(url) as connection, connection.channel() as channel:
        declared = await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        await declared.purge()
        await _publish(connection, queue, messages)


def _event(line: Line, box: str) -> bytes:
    return ReimbursementReceivedV1.new(
        source="/ingest",
        time=datetime.now(UTC),
        subject=line.record,
        data=ReimbursementReceivedV1Data(line_id=line.id, month=line.month, insurer="cpam-44", sealed=box),
    ).to_json()


def _parts(bodies: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (bodies[start : start + size] for start in range(0, len(bodies), size))


async def _publish(
    connection: aio_pika.abc.AbstractConnection, queue: str, messages: Sequence[tuple[bytes, str]]
) -> None:
    """Publish persistent messages, each confirmed, to one queue."""
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    for start in range(0, len(messages), IN_FLIGHT):
        await asyncio.gather(
            *(
                channel.default_exchange.publish(
                    aio_pika.Message(body, content_type=kind, delivery_mode=aio_pika.DeliveryMode.PERSISTENT),
                    queue,
                    mandatory=True,
                )
                for body, kind in messages[start : start + IN_FLIGHT]
            )
        )
