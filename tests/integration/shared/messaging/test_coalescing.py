"""Appends on a real database: many share a commit, and none pays for another (rule 10)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from pymongo.errors import AutoReconnect

from shared.contracts.records import AccountOpposedV1, AccountOpposedV1Data
from shared.messaging import gathering as limits
from shared.messaging.acts import ACTS
from shared.messaging.books import Books
from shared.messaging.coalescing import Acts, Appends, Insertion
from shared.messaging.failures import RacedError
from shared.messaging.gathering import OverloadedError
from shared.messaging.mongo_inbox import MongoInbox
from shared.messaging.runtime import Runtime
from shared.messaging.store import Commit
from shared.messaging.unit import Unit
from tests.integration.conftest import Installation
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration


@pytest.fixture
async def runtime(installation: Installation) -> AsyncIterator[Runtime]:
    """Give a process's runtime, with a collection for the things that appends make."""
    async with runtime_of(installation) as opened:
        await opened.database.create_collection("things")
        yield opened


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[Commit]:
    """Give the commits that were tried."""
    tried: list[Commit] = []
    whole = MongoInbox.commit

    async def commit(self: MongoInbox, what: Commit) -> None:
        tried.append(what)
        await whole(self, what)

    monkeypatch.setattr(MongoInbox, "commit", commit)
    return tried


def thing(runtime: Runtime, name: str) -> Unit:
    """Return a unit that inserts a thing and tells of it."""
    unit = Unit()
    unit.apply(Insertion(runtime.database["things"], [{"_id": name}]))
    data = AccountOpposedV1Data(channel="online", version=2)
    unit.emit(AccountOpposedV1.new(source="/records", time=runtime.clock.now(), subject=uuid4().hex, data=data))
    return unit


async def names(runtime: Runtime) -> set[str]:
    """Return what is there."""
    return {row["_id"] async for row in runtime.database["things"].find()}


async def test_what_waits_together_is_committed_together(runtime: Runtime, commits: list[Commit]):
    """Fifty appends at once take effect in one commit, with one outbox row for all that they tell."""
    appends = Appends(runtime)
    wanted = {f"thing {number}" for number in range(50)}

    await asyncio.gather(*(appends.add(thing(runtime, name)) for name in wanted))

    assert await names(runtime) == wanted
    assert len(commits) == 1
    flows = await Books(runtime).flows()
    assert flows[ACTS]["emitted"] == {"events": {AccountOpposedV1.TYPE: 50}}


async def test_whoever_is_announced_joins(runtime: Runtime, commits: list[Commit], monkeypatch: pytest.MonkeyPatch):
    """A commit waits a moment for an append that is being made, and no longer than that."""
    monkeypatch.setattr(limits, "LINGER_S", 60)
    appends = Appends(runtime)
    with appends.coming():
        first = asyncio.create_task(appends.add(thing(runtime, "first")))
        await asyncio.sleep(0.01)
    await appends.add(thing(runtime, "second"))
    await first
    assert len(commits) == 1

    monkeypatch.setattr(limits, "LINGER_S", 0.01)
    with appends.coming():
        await appends.add(thing(runtime, "third"))

    assert await names(runtime) == {"first", "second", "third"}
    assert len(commits) == 2


async def test_who_was_answered_joins_those_who_waited(
    runtime: Runtime, commits: list[Commit], monkeypatch: pytest.MonkeyPatch
):
    """Callers that come back at once share the next commit with those that waited while theirs ran."""
    whole, held = MongoInbox.commit, asyncio.Event()

    async def commit(self: MongoInbox, what: Commit) -> None:
        await held.wait()
        await whole(self, what)

    monkeypatch.setattr(MongoInbox, "commit", commit)
    gathering = Acts[Unit, str](runtime, in_turn, turn=1)
    first = asyncio.create_task(gathering.add(thing(runtime, "first")))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(gathering.add(thing(runtime, "waiting")))
    await asyncio.sleep(0.01)
    held.set()
    assert await first == "0 of 1"

    assert await gathering.add(thing(runtime, "back")) == "1 of 2"
    assert await waiting == "0 of 2"
    assert await names(runtime) == {"first", "waiting", "back"}
    assert len(commits) == 2


async def in_turn(units: Sequence[Unit], merged: Unit) -> list[str]:
    """Do what all of the units would, and answer each by its place."""
    merged.effects += [effect for unit in units for effect in unit.effects]
    return [f"{place} of {len(units)}" for place, _ in enumerate(units)]


async def test_one_that_lost_its_race_harms_nobody(runtime: Runtime):
    """An append whose row is there already is told so; those that shared its commit take effect."""
    appends = Appends(runtime)
    await appends.add(thing(runtime, "there"))

    ends = await asyncio.gather(
        *(appends.add(thing(runtime, name)) for name in ("a", "there", "b")), return_exceptions=True
    )

    assert [type(end) for end in ends] == [type(None), RacedError, type(None)]
    assert await names(runtime) == {"a", "b", "there"}


async def test_one_with_a_bug_harms_nobody(runtime: Runtime):
    """What is wrong with one append is raised to its caller alone."""
    appends = Appends(runtime)
    bad = Unit()

    async def fail(_session: Any) -> None:
        raise ZeroDivisionError

    bad.apply(fail)
    ends = await asyncio.gather(appends.add(thing(runtime, "a")), appends.add(bad), return_exceptions=True)

    assert [type(end) for end in ends] == [type(None), ZeroDivisionError]
    assert await names(runtime) == {"a"}


async def test_who_hangs_up_does_not_stop_the_commit(runtime: Runtime, monkeypatch: pytest.MonkeyPatch):
    """A client that goes away while its append is committed takes nothing from the others, nor from itself."""
    begun, whole = asyncio.Event(), MongoInbox.commit

    async def commit(self: MongoInbox, what: Commit) -> None:
        begun.set()
        await asyncio.sleep(0.05)
        await whole(self, what)

    monkeypatch.setattr(MongoInbox, "commit", commit)
    appends = Appends(runtime)
    gone = asyncio.create_task(appends.add(thing(runtime, "gone")))
    stays = asyncio.create_task(appends.add(thing(runtime, "stays")))
    await begun.wait()
    gone.cancel()
    await stays

    assert await names(runtime) == {"gone", "stays"}


async def test_who_does_not_wait_any_more_is_dropped(runtime: Runtime, monkeypatch: pytest.MonkeyPatch):
    """An append past its patience whose commit has not begun never takes effect."""
    whole, held = MongoInbox.commit, asyncio.Event()

    async def commit(self: MongoInbox, what: Commit) -> None:
        await held.wait()
        await whole(self, what)

    monkeypatch.setattr(MongoInbox, "commit", commit)
    appends = Appends(runtime)
    first = asyncio.create_task(appends.add(thing(runtime, "first")))
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError):
        await appends.add(thing(runtime, "late"), patience=0.05)
    held.set()
    await first
    await appends.close()

    assert await names(runtime) == {"first"}


async def test_too_many_are_told_at_once(runtime: Runtime, monkeypatch: pytest.MonkeyPatch):
    """What may wait is bounded, in number and in bytes; what came before is not harmed."""
    monkeypatch.setattr(limits, "WAITING", 2)
    monkeypatch.setattr(limits, "WAITING_BYTES", 100)
    appends = Appends(runtime)

    ends = await asyncio.gather(*(appends.add(thing(runtime, name)) for name in "abc"), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), type(None), OverloadedError]

    large = [appends.add(thing(runtime, name), size=60) for name in "de"]
    assert [type(end) for end in await asyncio.gather(*large, return_exceptions=True)] == [type(None), OverloadedError]


async def test_a_commit_holds_only_so_many_bytes(
    runtime: Runtime, commits: list[Commit], monkeypatch: pytest.MonkeyPatch
):
    """Large appends are spread over several commits; one that is larger alone goes alone."""
    monkeypatch.setattr(limits, "TOGETHER_BYTES", 100)
    appends = Appends(runtime)

    await asyncio.gather(*(appends.add(thing(runtime, name), size=60) for name in "abc"))
    await appends.add(thing(runtime, "d"), size=200)

    assert await names(runtime) == set("abcd")
    assert len(commits) == 4


async def test_an_outage_is_told_to_all(runtime: Runtime, monkeypatch: pytest.MonkeyPatch):
    """While the database is away everybody who waits is told, and nothing took effect."""

    async def commit(self: MongoInbox, what: Commit) -> None:
        raise AutoReconnect("away")

    monkeypatch.setattr(MongoInbox, "commit", commit)
    appends = Appends(runtime)
    waiting = [appends.add(thing(runtime, name), patience=10) for name in "ab"]

    assert [type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)] == [AutoReconnect] * 2
    assert await names(runtime) == set()
