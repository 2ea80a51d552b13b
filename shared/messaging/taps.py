"""The broker's side of a consumer: subscribed, given back after a long outage, cancelled first when a process stops."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog
from aio_pika.abc import AbstractRobustQueue
from faststream.rabbit.subscriber import RabbitSubscriber

from shared.messaging.losses import answered

CANCEL_S: Final = 2.0
"""How long a broker may take to answer; one that does not is left to find out that its consumer is gone."""

_AGAIN_S: Final = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SubscribedTap:
    """`Tap` over a subscription of FastStream's.

    FastStream ends a subscription the wrong way round: it first leaves unanswered what still comes and then cancels,
    so as many messages as may be held come again. Here the broker is told first.
    """

    subscriber: RabbitSubscriber

    async def cancel(self) -> None:
        """Have the broker send nothing more; what was sent is still to be acknowledged."""
        queue, tag = self._subscription()
        if queue is None or tag is None:
            return
        self.subscriber._consumer_tag = None  # noqa: SLF001 - nothing public names the consumer
        try:
            async with answered(CANCEL_S):
                await queue.cancel(tag)
        except Exception as error:  # noqa: BLE001 - a broker that is away sends nothing either
            log.info("cancel_unanswered", queue=queue.name, error=type(error).__name__)

    async def give_back(self) -> None:
        """See `Tap.give_back`: a channel that closes returns what was taken by it."""
        await self.cancel()
        queue, _ = self._subscription()
        if queue is None:
            return
        try:
            async with answered(CANCEL_S):
                await queue.channel.close()
        except Exception as error:  # noqa: BLE001 - with its connection the channel ends anyway
            log.info("channel_left", queue=queue.name, error=type(error).__name__)

    async def resume(self) -> None:
        """See `Tap.resume`: tried until the broker lets it."""
        queue, tag = self._subscription()
        while queue is not None and tag is None:
            try:
                async with answered(CANCEL_S):
                    if queue.channel.is_closed:
                        await queue.channel.reopen()
                    tag = await queue.consume(self.subscriber.consume, no_ack=False)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001 - whatever it is, there is nothing else to do
                log.info("resume_again", queue=queue.name, error=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
        self.subscriber._consumer_tag = tag  # noqa: SLF001 - see above

    def _subscription(self) -> tuple[AbstractRobustQueue | None, str | None]:
        return self.subscriber._queue_obj, self.subscriber._consumer_tag  # noqa: SLF001 - see above
