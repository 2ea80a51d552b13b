"""An insurer's way to the broker, and one try of publishing something, told to the history."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange

from chaos.history import Operation
from shared.messaging.losses import losses
from shared.messaging.topology import UPSTREAM

_CONFIRM_S: Final = 20.0


class Parcel(NamedTuple):
    """A message as it is published."""

    id: str
    key: str
    content_type: str
    body: bytes


@dataclass(slots=True)
class Wire:
    """An insurer's connection, made again whenever it is lost."""

    code: str
    url: str = field(repr=False)
    _connection: AbstractConnection | None = None
    _exchange: AbstractExchange | None = None
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def user(self) -> str:
        """How the broker calls the insurer."""
        return f"insurer.{self.code}"

    async def attempt(self, parcel: Parcel, operation: Operation) -> bool:
        """Publish once, and tell the history what came of it; tell whether the broker confirmed."""
        try:
            with losses():
                await self._publish(parcel)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows whether it arrived
            operation.unknown(error=type(error).__name__)
            return False
        operation.ok()
        return True

    async def _publish(self, parcel: Parcel) -> None:
        """Return once the broker has confirmed; raise whatever prevents it, and begin anew next time."""
        message = aio_pika.Message(
            parcel.body,
            content_type=parcel.content_type,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=parcel.id,
            type=parcel.key,
            user_id=self.user,
        )
        try:
            async with asyncio.timeout(_CONFIRM_S):
                exchange = await self._open()
                await exchange.publish(message, parcel.key, mandatory=True)
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> AbstractExchange:
        async with self._making:
            if self._exchange is None or self._connection is None or self._connection.is_closed:
                self._connection = await aio_pika.connect(self.url, timeout=10)
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                self._exchange = await channel.get_exchange(UPSTREAM, ensure=False)
            return self._exchange

    async def close(self) -> None:
        """Close what is open; a connection that does not answer is left behind."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2):
                    await connection.close()
