"""Processes that are hurt by name and come back."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.crew import Crew, Member
from chaos.history import History, lines
from deploy.local.processes import Program
from deploy.local.servers import Server

pytestmark = pytest.mark.integration

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
async def crew(tmp_path: Path) -> AsyncIterator[Crew]:
    """Give two workers that do nothing."""
    names = ("shop.worker.1", "shop.worker.2")
    members = {name: Member(Server(Program(name, SLEEPER, {}), tmp_path, lambda: True)) for name in names}
    history = History.open(tmp_path / "history.jsonl")
    made = Crew(members, history)
    made.start(names)
    watching = asyncio.create_task(made.watch())
    yield made
    watching.cancel()
    made.stop(names)
    history.close()


async def until_back(crew: Crew, name: str, pid: int | None) -> None:
    """Wait until a process runs again under another id."""
    async with asyncio.timeout(10):
        while crew.members[name].pid in (None, pid):  # noqa: ASYNC110 - the crew looks at intervals
            await asyncio.sleep(0.05)


async def test_who_is_killed_comes_back(crew: Crew, tmp_path: Path):
    """A killed process is started again, the others go on, and the history tells of it."""
    first, other = crew.members["shop.worker.1"].pid, crew.members["shop.worker.2"].pid
    assert crew.kill("shop.worker.1")
    await until_back(crew, "shop.worker.1", first)
    assert crew.members["shop.worker.2"].pid == other
    assert crew.restarts == {"shop.worker.1": 1}
    assert not crew.unasked.total()
    told = [line for line in lines(tmp_path / "history.jsonl") if line["op"] == "restart"]
    assert [(line["name"], line["code"], line["killed"]) for line in told] == [("shop.worker.1", -9, True)]


async def test_who_keeps_dying_waits_longer_each_time(crew: Crew):
    """A process that nobody killed and that dies at once is started again after pauses that grow."""
    member = crew.members["shop.worker.2"]
    pauses = []
    for _ in range(3):
        pid = member.pid
        assert crew.kill("shop.worker.2")
        member.killed = False  # as if by itself
        while member.due is None:  # noqa: ASYNC110 - the crew looks at intervals
            await asyncio.sleep(0.02)
        pauses.append(member.pause)
        member.due = 0.0
        await until_back(crew, "shop.worker.2", pid)
    assert pauses == [1.0, 2.0, 4.0]
    assert crew.unasked["shop.worker.2"] == 3


async def test_who_is_frozen_stands_still_until_it_is_thawed(crew: Crew):
    """A frozen process is there and does nothing; nobody starts another in its place."""
    pid = crew.members["shop.worker.1"].pid
    assert crew.freeze("shop.worker.1")
    await asyncio.sleep(0.5)
    assert _state(pid) == "T"
    assert crew.victims("worker") == ["shop.worker.2"]
    crew.thaw("shop.worker.1")
    await asyncio.sleep(0.1)
    assert _state(pid) != "T"
    assert not crew.restarts


def _state(pid: int | None) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
