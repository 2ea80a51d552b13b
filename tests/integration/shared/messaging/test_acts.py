"""An act on a real database: all or nothing, decided again after a race, never twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from pymongo.errors import AutoReconnect

from shared.contracts.records import AccountOpposedV1, AccountOpposedV1Data
from shared.errors import RefusedError
from shared.messaging.acts import ACTS, LANES, perform
from shared.messaging.books import Books
from shared.messaging.failures import RacedError
from shared.messaging.mongo_inbox import MongoInbox
from shared.messaging.runtime import Runtime
from shared.messaging.store import Commit
from shared.messaging.unit import Unit
from tests.integration.conftest import Installation
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration


@pytest.fixture
async def runtime(installation: Installation) -> AsyncIterator[Runtime]:
    """Give a process's runtime, with a collection for the things that acts make."""
    async with runtime_of(installation) as opened:
        await opened.database.create_collection("things")
        yield opened


def making(runtime: Runtime, name: str, told: int = 1) -> Callable[[Unit], Awaitable[str]]:
    """Return a work that inserts a thing, tells of it and answers its name."""

    async def work(unit: Unit) -> str:
        async def insert(session: Any) -> None:
            await runtime.database["things"].insert_one({"name": name}, session=session)

        unit.apply(insert)
        for _ in range(told):
            data = AccountOpposedV1Data(channel="online", version=2)
            unit.emit(AccountOpposedV1.new(source="/records", time=runtime.clock.now(), subject=uuid4().hex, data=data))
        return name

    return work


async def count(runtime: Runtime, collection: str = "things") -> int:
    """Return how many rows there are."""
    return await runtime.database[collection].count_documents({})


async def test_effects_outbox_and_books_are_one(runtime: Runtime):
    """An act's effect, its events and their count are committed together, and its answer returned."""
    assert await perform(runtime, making(runtime, "a", told=3)) == "a"

    flows = await Books(runtime).flows()
    assert await count(runtime) == 1
    assert (await runtime.database["outbox"].find_one() or {})["count"] == 3
    assert flows[ACTS]["emitted"] == {"events": {AccountOpposedV1.TYPE: 3}}


async def test_a_refusal_does_nothing(runtime: Runtime):
    """What a work raises is raised at once, and nothing of the act remains."""
    calls = 0

    async def work(unit: Unit) -> None:
        nonlocal calls
        calls += 1
        await making(runtime, "a")(unit)
        raise RefusedError("account-transition")

    with pytest.raises(RefusedError):
        await perform(runtime, work)

    assert calls == 1
    assert await count(runtime) == await count(runtime, "outbox") == 0


async def test_a_race_is_decided_again(runtime: Runtime):
    """Whoever loses a race decides again, on a new unit, until it holds."""
    tries: list[int] = []

    async def work(unit: Unit) -> int:
        async def lose(_session: Any) -> None:
            if len(tries) < 3:
                raise RacedError

        tries.append(len(unit.effects))
        await making(runtime, "a")(unit)
        unit.apply(lose)
        return len(tries)

    assert await perform(runtime, work) == 3
    assert tries == [0, 0, 0]
    assert await count(runtime) == 1


async def test_a_race_that_lasts_is_told(runtime: Runtime):
    """Who loses every time is told, in the end, and has done nothing."""

    async def work(unit: Unit) -> None:
        async def lose(_session: Any) -> None:
            raise RacedError

        unit.apply(lose)

    with pytest.raises(RacedError):
        await perform(runtime, work)


async def test_an_unknown_commit_is_not_done_twice(runtime: Runtime, monkeypatch: pytest.MonkeyPatch):
    """A commit that took effect but ended in an error is recognised, whatever the act would do a second time."""
    whole, lost = MongoInbox.commit, [True]

    async def commit(self: MongoInbox, what: Commit) -> None:
        await whole(self, what)
        if lost:
            lost.pop()
            raise AutoReconnect("the answer was lost")

    monkeypatch.setattr(MongoInbox, "commit", commit)

    assert await perform(runtime, making(runtime, "a")) == "a"
    assert await count(runtime) == await count(runtime, "outbox") == 1


async def test_acts_do_not_disturb_one_another(runtime: Runtime):
    """Many acts at once commit side by side: each decides once, and the books count all of them."""
    calls: list[str] = []
    await perform(runtime, making(runtime, "the first, which makes the collections"))

    def noted(name: str) -> Callable[[Unit], Awaitable[str]]:
        async def work(unit: Unit) -> str:
            calls.append(name)
            return await making(runtime, name)(unit)

        return work

    names = [f"thing {number}" for number in range(3 * LANES)]
    assert await asyncio.gather(*(perform(runtime, noted(name)) for name in names)) == names

    assert sorted(calls) == sorted(names)
    flows = await Books(runtime).flows()
    assert flows[ACTS]["emitted"] == {"events": {AccountOpposedV1.TYPE: len(names) + 1}}


async def test_nothing_to_do_writes_nothing(runtime: Runtime):
    """An act that finds everything done leaves no trace in books or outbox."""

    async def work(_unit: Unit) -> str:
        return "as before"

    assert await perform(runtime, work) == "as before"
    assert await count(runtime, "books") == 0
