"""The role `worker`: FastStream subscribes and stops; consumers and the relay do the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import structlog
from faststream import AckPolicy, FastStream
from faststream.message import StreamMessage
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue

from shared.http.health import worker_doors
from shared.http.server import serving
from shared.messaging.amqp import address
from shared.messaging.collector import spare_the_collector
from shared.messaging.consumer import PREFETCH, Consumer, DueRows
from shared.messaging.delivery import Delivery, origin_of
from shared.messaging.due import DueLooks
from shared.messaging.properties import tolerate_any_properties
from shared.messaging.receipts import Receipts
from shared.messaging.rows import AlreadySealed, RowMaker, RowSealer
from shared.messaging.runtime import Runtime
from shared.messaging.settling import Settler
from shared.messaging.subscription import Subscription
from shared.messaging.topology import UNKNOWN, UPSTREAM, Flow

_GRACE_S: Final = 10.0
_PING_S: Final = 0.5


log = structlog.get_logger()


async def run_worker(
    runtime: Runtime, subscriptions: Sequence[Subscription[Any]], *, sealer: RowSealer | None = None
) -> None:
    """Consume until SIGTERM or SIGINT; raise if a consumer or the relay failed for good."""
    tolerate_any_properties()
    waiting = DueLooks(runtime.inbox, [each.flow.queue for each in subscriptions])
    consumers = [_consumer(runtime, each, sealer or AlreadySealed(), waiting) for each in subscriptions]
    broker = _broker(runtime, consumers)
    started = asyncio.Event()
    failure: list[BaseException] = []

    async def consuming() -> bool:
        # Connected is not enough: the queues are subscribed to one after the other.
        return started.is_set() and await broker.ping(_PING_S)

    doors = worker_doors(runtime, consumers, consuming=consuming)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        settings = runtime.settings
        async with serving(doors, settings.http_host, settings.http_port):
            tasks = [asyncio.create_task(runtime.relay.run())]
            tasks += [asyncio.create_task(consumer.run()) for consumer in consumers]
            for task in tasks:
                task.add_done_callback(lambda done: _on_end(done, failure, app))
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runtime.relay.drain(_GRACE_S)

    app = FastStream(broker, lifespan=lifespan, after_startup=[started.set], logger=None)
    spare_the_collector()
    log.info("worker_started", process=runtime.process)
    await app.run(sleep_time=0.2)
    log.info("worker_stopped", process=runtime.process)
    if failure:
        raise failure[0]


def _on_end(task: asyncio.Task[None], failure: list[BaseException], app: FastStream) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("worker_failed", error=type(error).__name__)
        failure.append(error)
        app.exit()


def _consumer(runtime: Runtime, subscription: Subscription[Any], sealer: RowSealer, waiting: DueRows) -> Consumer[Any]:
    rows = RowMaker(subscription.flow.queue, sealer, runtime.clock, runtime.settings.retry_delays)
    settler = Settler(subscription, runtime.inbox, runtime.relay, rows, runtime.process)
    return Consumer(
        subscription,
        settler,
        waiting=waiting,
        sealer=sealer,
        clock=runtime.clock,
        secret=runtime.digest_key,
    )


def _broker(runtime: Runtime, consumers: Sequence[Consumer[Any]]) -> RabbitBroker:
    """Return a broker that hands every message to its consumer and acknowledges nothing by itself.

    The publisher has declared the topology before; every queue has a channel of its own, because the
    prefetch and an acknowledgement belong to a channel.
    """
    broker = RabbitBroker(
        address(runtime.settings.amqp_url.get_secret_value(), f"{runtime.process}-consume", runtime.settings.heartbeat),
        apply_types=False,
        logger=None,
        graceful_timeout=_GRACE_S,
    )
    for consumer in consumers:
        subscribe = broker.subscriber(
            RabbitQueue(consumer.subscription.flow.queue, declare=False),
            channel=Channel(prefetch_count=PREFETCH),
            ack_policy=AckPolicy.MANUAL,
            decoder=partial(_as_delivery, consumer.subscription.flow, Receipts(consumer.subscription.flow.queue)),
            no_reply=True,
        )
        subscribe(_receiver(consumer))
    return broker


def _receiver(consumer: Consumer[Any]) -> Callable[[Delivery], Awaitable[None]]:
    async def receive(delivery: Delivery) -> None:
        await consumer.offer(delivery)

    return receive


async def _as_delivery(flow: Flow, receipts: Receipts, message: StreamMessage[Any]) -> Delivery:
    raw = message.raw_message
    ours = flow.exchange not in (UPSTREAM, UNKNOWN)  # insurers choose the properties of what they send
    return Delivery(
        body=raw.body,
        content_type=raw.content_type,
        routing_key=raw.routing_key or "",
        message_id=raw.message_id,
        user=raw.user_id,
        redelivered=bool(raw.redelivered),
        acknowledge=partial(receipts.finish, raw),
        origin=origin_of(raw.app_id, raw.timestamp) if ours else None,
    )
