"""What waits at the same time is done together: each of many costs a fraction of a commit (rule 10)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from shared.errors import CarnetError
from shared.messaging.failures import Failure, RacedError, classify

TOGETHER: Final = 100
"""Items that are done at once at most."""

TOGETHER_BYTES: Final = 8 * 1024 * 1024
"""Bytes that are done at once at most, unless a single item has more."""

WAITING: Final = 1_000
WAITING_BYTES: Final = 64 * 1024 * 1024
"""What may wait; whoever comes then is told at once that this is too much."""

PATIENCE_S: Final = 2.0

LINGER_S: Final = 0.08
"""How long a commit waits for an item, from when that was announced; where none is, it waits for nobody."""

TURN_S: Final = 0.02
"""What those who were just answered get to come back and join, before a commit of those who wait meanwhile."""


class OverloadedError(CarnetError):
    """More waits than may: try again later."""


T = TypeVar("T")
R = TypeVar("R")

Commit: TypeAlias = Callable[[Sequence[T]], Awaitable[Sequence[R]]]
"""Does, durably, what is to be done for all of a batch, or nothing; returns an answer for each in order."""


@dataclass(slots=True, eq=False)
class _Waiter(Generic[T, R]):
    item: T
    size: int
    done: asyncio.Future[R]


class Gathering(Generic[T, R]):
    """What one process commits together. Whoever hangs up while a commit runs does not stop it."""

    def __init__(self, commit: Commit[T, R], *, turn: float = 0.0, lanes: int = 1) -> None:
        """``lanes``: how many commits may run at a time, where each is cheap and waiting for one costs more.

        ``turn``: seconds between a commit and one of those that waited meanwhile; a lone caller never sees them.

        Callers that come again and again would else fall into two halves for good, each being read while the other is
        committed.
        """
        self._commit = commit
        self._turn = turn
        self._waiting: deque[_Waiter[T, R]] = deque()
        self._bytes = 0
        self._lanes = lanes
        self._committing: set[asyncio.Task[None]] = set()
        self._coming: dict[object, float] = {}
        self._came = asyncio.Event()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Announce, while the block runs, an item that is being made: a commit waits a moment for it to join.

        Only what this machine does itself is announced, nothing that a caller could draw out.
        """
        announced = object()
        self._coming[announced] = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            del self._coming[announced]
            self._came.set()

    async def add(self, item: T, *, size: int = 0, patience: float = PATIENCE_S) -> R:
        """Return an item's answer once it is committed; ``size`` is what the item weighs, in bytes.

        Raise `OverloadedError` where too much waits, `TimeoutError` after ``patience`` seconds (the item is dropped
        if its commit has not begun, otherwise it may take effect), `RacedError` where a row was there already, and
        whatever else the commit ends in.
        """
        if len(self._waiting) >= WAITING or self._bytes + size > max(WAITING_BYTES, size):
            raise OverloadedError
        waiter: _Waiter[T, R] = _Waiter(item, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._bytes += size
        if len(self._committing) < self._lanes:
            self._committing.add(asyncio.create_task(self._commit_waiting()))
        async with asyncio.timeout(patience):
            return await waiter.done

    async def close(self) -> None:
        """Commit what waits."""
        await asyncio.gather(*self._committing)

    async def _commit_waiting(self) -> None:
        try:
            await asyncio.sleep(0)  # whoever comes in the same turn of the loop joins
            while self._waiting:
                await self._linger()
                if batch := self._take():
                    await self._settle(batch)
                if 0 < len(self._waiting) < TOGETHER:
                    await asyncio.sleep(self._turn)
        finally:  # in the turn in which nobody was waiting, so that whoever comes next starts another
            self._committing -= {asyncio.current_task()}

    async def _linger(self) -> None:
        """Wait for those announced lately: a commit costs much more than what joins it.

        Whoever is announced while this waits may join as well, but does not prolong it.
        """
        awaited = self._coming.copy()
        latest = max(awaited.values(), default=0.0)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(latest + LINGER_S):
                while self._coming.keys() & awaited.keys() and len(self._waiting) < TOGETHER:
                    self._came.clear()
                    await self._came.wait()

    def _take(self) -> list[_Waiter[T, R]]:
        """Take the oldest whose callers still wait: so many, or so many bytes."""
        batch: list[_Waiter[T, R]] = []
        size = 0
        while self._waiting and len(batch) < TOGETHER:
            if batch and size + self._waiting[0].size > TOGETHER_BYTES:
                break
            waiter = self._waiting.popleft()
            self._bytes -= waiter.size
            if not waiter.done.done():
                batch.append(waiter)
                size += waiter.size
        return batch

    async def _settle(self, batch: Sequence[_Waiter[T, R]]) -> None:
        """Commit together; where the data of one is at fault, each alone."""
        items = [waiter.item for waiter in batch]
        try:
            answers = await self._commit(items)
        except Exception as error:  # noqa: BLE001 - the callers are told
            kind = classify(error)
            if len(batch) > 1 and kind in (Failure.DATA, Failure.CONFLICT):
                for waiter in batch:
                    await self._settle([waiter])
                return
            for each in _still_waiting(batch):
                each.done.set_exception(RacedError() if kind is Failure.CONFLICT else error)
        else:
            told = dict(zip(batch, answers, strict=True))
            for each in _still_waiting(batch):
                each.done.set_result(told[each])


def _still_waiting(batch: Sequence[_Waiter[T, R]]) -> list[_Waiter[T, R]]:
    return [waiter for waiter in batch if not waiter.done.done()]
