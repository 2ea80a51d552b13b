"""Lookups that wait at the same time share one query: ten deposits at once ask the database as often as one."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Together(Generic[K, V]):
    """A lookup by keys of which one query runs at a time; whoever comes meanwhile joins the next one.

    Nobody is answered from a query that began before it was asked, so each sees what is true at its time.
    """

    def __init__(self, find: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._find = find
        self._wanted: set[K] = set()
        self._next: asyncio.Task[Mapping[K, V]] | None = None
        self._last: asyncio.Task[Mapping[K, V]] | None = None

    async def __call__(self, keys: Collection[K]) -> Mapping[K, V]:
        """Return what is found of these keys; a query that fails fails for all who share it."""
        self._wanted |= set(keys)
        if self._next is None:
            self._next = self._last = asyncio.create_task(self._run(self._last))
        found = await asyncio.shield(self._next)
        return {key: found[key] for key in keys if key in found}

    async def _run(self, before: asyncio.Task[Mapping[K, V]] | None) -> Mapping[K, V]:
        if before is not None and not before.done():
            await asyncio.wait({before})
        wanted, self._wanted, self._next = self._wanted, set(), None
        return await self._find(wanted)
