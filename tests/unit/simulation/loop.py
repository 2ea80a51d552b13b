"""An event loop in which time passes only when nothing else can, and chance comes from a seed."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from heapq import heappop
from itertools import count
from random import Random
from typing import Any, Final, TypeVar

T = TypeVar("T")


class StandstillError(Exception):
    """Everybody waits for somebody, and no timer runs: nothing would ever happen again."""


@dataclass(eq=False)
class Host:
    """Where callbacks run: a process that can be frozen, or killed at any await, or nobody's process."""

    name: str
    runs: bool = True
    held: list[asyncio.Handle] = field(default_factory=list)
    """What would have run meanwhile."""

    def context(self) -> Context:
        """Return a context whose tasks, and theirs, run on this host."""
        context = copy_context()
        context.run(HOST.set, self)
        return context


HOST: Final[ContextVar[Host | None]] = ContextVar("host", default=None)


class _NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where in the memory it lies."""

    _numbers = count()

    def __init__(self, coroutine: Coroutine[Any, Any, Any], **fields: Any) -> None:
        self._number = next(self._numbers)
        super().__init__(coroutine, **fields)

    def __hash__(self) -> int:
        return self._number


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs what is ready in an order drawn by the seed; when nothing is, time jumps to the next timer."""

    _ready: deque[Any]
    _scheduled: list[Any]

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = Random(seed)
        self._now = 0.0
        self._halted: list[Host] = []
        _NumberedTask._numbers = count()
        self.set_task_factory(lambda loop, coroutine, **fields: _NumberedTask(coroutine, loop=loop, **fields))

    def time(self) -> float:
        """Return the seconds since the beginning."""
        return self._now

    def halt(self, host: Host) -> None:
        """Freeze a host: whatever it would do next waits; a killed one is never resumed."""
        host.runs = False
        self._halted.append(host)

    def resume(self, host: Host) -> None:
        """Let a host go on where it stood."""
        host.runs = True
        self._ready.extend(host.held)
        host.held = []

    def _run_once(self) -> None:
        timers, ready = self._scheduled, self._ready
        while timers and (not ready or timers[0]._when <= self._now):
            timer = heappop(timers)
            timer._scheduled = False
            if not timer._cancelled:
                self._now = max(self._now, timer._when)
                ready.append(timer)
        if not ready:
            raise StandstillError
        turn = list(ready)
        ready.clear()
        if len(turn) > 1:
            turn.sort(key=_drawn_by(self.random))
        for handle in turn:
            host = handle._context.get(HOST)
            if host is not None and not host.runs:
                host.held.append(handle)
            elif not handle._cancelled:
                handle._run()


def simulate(loop: SimulatedLoop, main: Coroutine[Any, Any, T]) -> T:
    """Run to the end of ``main``; then wake whoever was killed or frozen, and let everybody end."""
    try:
        return loop.run_until_complete(main)
    finally:
        for host in loop._halted:
            loop.resume(host)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(_end_of(left))
        loop.close()


async def _end_of(tasks: Iterable[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


def _drawn_by(random: Random) -> Callable[[object], float]:
    draw = random.random
    return lambda _handle: draw()
