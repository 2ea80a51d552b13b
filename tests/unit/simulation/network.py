"""Between processes and servers: calls take time, get lost on the way there, or do their work and lose the answer."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any

from pymongo.errors import AutoReconnect

from tests.unit.simulation.loop import HOST, Host, SimulatedLoop

_SLOW_S = 3.0
"""The longest way; below the publisher's timeout, and below what a heartbeat forgives."""


@dataclass(eq=False)
class Server:
    """A database or a broker: what it has begun it ends, whoever asked and whatever became of them."""

    name: str
    fault: Callable[[], BaseException]
    """What a process sees when its call got no answer."""
    patience: float = 0.0
    """How long a process waits for an answer that does not come, in seconds."""
    up: bool = True

    def __post_init__(self) -> None:
        """Give the server a host of its own."""
        self.context = Host(self.name).context()


def database(name: str) -> Server:
    """Return a database that drivers lose."""
    return Server(name, lambda: AutoReconnect("gone"))


def message_broker(name: str) -> Server:
    """Return a broker whose confirmations are waited for in vain, or end with their connection as aiormq has it."""
    kinds = cycle((TimeoutError, asyncio.CancelledError))

    def unanswered() -> BaseException:
        kind = next(kinds)
        return kind()

    return Server(name, unanswered, patience=5.0)


@dataclass
class Network:
    """Carries every call; ``loss`` is the share of calls that fail, before or after their work was done."""

    loop: SimulatedLoop
    loss: float = 0.0
    trace: list[tuple[float, str, str, str]] = field(default_factory=list)
    """Who called what, when, and what came of it."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often each fault happened."""

    def remote(self, target: Any, server: Server) -> Any:
        """Return a port as a process sees it."""
        return _Remote(target, server, self)

    async def call(self, server: Server, method: Callable[..., Awaitable[Any]], *given: Any, **named: Any) -> Any:
        """Have a server do something; it is done once, or not at all, whatever the caller is told."""
        await self.travel()
        if not server.up or self._is_lost():
            await self._fail(server, method, "request-lost")
        work: asyncio.Task[Any] = self.loop.create_task(_done(method, given, named), context=server.context)
        answer = await asyncio.shield(work)
        self._note(method, "done")
        await self.travel()
        if not server.up or self._is_lost():
            await self._fail(server, method, "answer-lost")
        return answer

    async def travel(self) -> None:
        """Take a moment; seldom, long."""
        draw = self.loop.random.random()
        if draw < 0.4:
            return
        if draw < 0.7:
            await asyncio.sleep(0)
        elif draw < 0.995:
            await asyncio.sleep(0.001 + 0.03 * self.loop.random.random())
        else:
            await asyncio.sleep(_SLOW_S * self.loop.random.random())

    def _is_lost(self) -> bool:
        return self.loss > 0 and self.loop.random.random() < self.loss

    async def _fail(self, server: Server, method: Callable[..., Any], how: str) -> None:
        self._note(method, how)
        self.seen[f"{server.name}:{how}"] += 1
        await asyncio.sleep(server.patience)
        raise server.fault()

    def _note(self, method: Callable[..., Any], what: str) -> None:
        host = HOST.get()
        self.trace.append((self.loop.time(), host.name if host else "", method.__name__, what))


async def _done(method: Callable[..., Awaitable[Any]], given: Sequence[Any], named: Mapping[str, Any]) -> Any:
    return await method(*given, **named)


class _Remote:
    """Any port, over the network."""

    def __init__(self, target: Any, server: Server, network: Network) -> None:
        self._target = target
        self._server = server
        self._network = network

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return partial(self._network.call, self._server, found) if asyncio.iscoroutinefunction(found) else found
