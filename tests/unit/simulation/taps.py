"""The broker's side of a consumer in memory: messages arrive over the network, acknowledgements leave by it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Delivery
from tests.fakes.broker import Handed, InMemoryBroker, InMemoryChannel
from tests.unit.simulation.network import Network


class _Process(Protocol):
    network: Network

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...


@dataclass(eq=False)
class Tap:
    """`shared.messaging.consumer.Tap` on a broker in memory."""

    broker: InMemoryBroker
    queue: str
    prefetch: int
    read: Callable[[Any], Awaitable[Delivery]]
    consumer: Consumer[Any]
    process: _Process
    _channel: InMemoryChannel | None = None

    async def give_back(self) -> None:
        """Stop taking, and return to the queue what is held."""
        self.close()

    async def resume(self) -> None:
        """Take again."""
        if self._channel is None:
            self._channel = self.broker.subscribe(self.queue, self._take, self.prefetch)

    def cancel(self) -> None:
        """Have the broker send nothing more; what was sent may still be acknowledged."""
        if self._channel is not None:
            self._channel.prefetch = 0

    def close(self) -> None:
        """Lose the channel; the broker takes back what was not acknowledged."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _take(self, handed: Handed) -> None:
        self.process._spawn(self._arrive(handed))

    async def _arrive(self, handed: Handed) -> None:
        network = self.process.network
        await network.travel()
        await asyncio.sleep(network.loop.random.choice((0.0, 0.0, 0.0, 0.1)))
        await self.consumer.offer(await self.read(SimpleNamespace(raw_message=_Travelling(handed, network))))


@dataclass(frozen=True, eq=False)
class _Travelling:
    """A message in a consumer's hands whose acknowledgement takes time; it is lost only with its channel."""

    handed: Handed
    network: Network

    async def ack(self, *, multiple: bool = False) -> None:
        """See `Handed.ack`."""
        await self.network.travel()
        await self.handed.ack(multiple=multiple)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.handed, name)
