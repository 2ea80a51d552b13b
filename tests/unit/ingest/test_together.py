"""Lookups that share queries: one at a time, nobody answered from the past, a failure shared."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from services.ingest.adapters.together import Together


class Store:
    """A store whose queries end when they are told to."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.queries: list[set[str]] = []
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def find(self, keys: Collection[str]) -> Mapping[str, int]:
        """Look at once, answer later."""
        self.queries.append(set(keys))
        found = {key: self.rows[key] for key in keys if key in self.rows}
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return found


async def some_turns() -> None:
    """Let tasks run as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_query_for_all_who_wait():
    """Whoever comes while a query runs shares the next one, and gets what was asked for, no more."""
    store = Store()
    store.rows = {"a": 1, "b": 2}
    together = Together(store.find)
    first = asyncio.create_task(together({"a"}))
    await some_turns()
    others = [asyncio.create_task(together(keys)) for keys in ({"a"}, {"b"}, {"b", "c"})]
    await some_turns()
    assert store.queries == [{"a"}]
    store.go.set()
    assert await asyncio.gather(first, *others) == [{"a": 1}, {"a": 1}, {"b": 2}, {"b": 2}]
    assert store.queries == [{"a"}, {"a", "b", "c"}]


async def test_nobody_is_answered_from_the_past():
    """A row that was written before a lookup is seen by it, though an older query for it still runs."""
    store = Store()
    together = Together(store.find)
    early = asyncio.create_task(together({"a"}))
    await some_turns()
    store.rows["a"] = 1
    late = asyncio.create_task(together({"a"}))
    store.go.set()
    assert (await early, await late) == ({}, {"a": 1})


async def test_a_failure_is_shared_and_over():
    """A query that fails fails for all who share it; the next one is asked anew, whoever left meanwhile."""
    store = Store()
    store.go.set()
    store.fault = ConnectionError()
    together = Together(store.find)
    found = await asyncio.gather(together({"a"}), together({"b"}), return_exceptions=True)
    assert [type(each) for each in found] == [ConnectionError, ConnectionError]
    store.fault, store.rows["a"] = None, 1
    gone = asyncio.create_task(together({"a"}))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await together({"a"}) == {"a": 1}
