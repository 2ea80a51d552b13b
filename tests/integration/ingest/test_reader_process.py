"""The reader's own process: bounded, confined, replaced when it ends, and each answer to its own caller."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.ingest.adapters.cda_reader import Limits
from services.ingest.adapters.reader_process import ReaderProcess
from services.ingest.adapters.reader_worker import Allowance
from services.ingest.ports import ReaderLostError
from shared import terminology
from shared.errors import RefusedError
from tests.fakes.documents import PDF, cda, wrapped
from tests.integration.ingest.readers import inside, pid_of

NO_LIMITS = Limits(markup=10**9, attributes=10**9, namespaces=10**9)


def is_running(pid: int) -> bool:
    """Tell whether a process is there."""
    return Path(f"/proc/{pid}").exists()


def environment_of(pid: int) -> bytes:
    """Give the environment that a process was started with."""
    return Path(f"/proc/{pid}/environ").read_bytes()


BOMB = inside("<a/>" * 2_400_000)


@pytest.mark.parametrize(
    "allowed",
    [
        {"allowance": Allowance(memory=200 * 1024 * 1024)},
        {"allowance": Allowance(memory=4 * 1024**3, cpu_seconds=0)},
        {"allowance": Allowance(memory=4 * 1024**3), "seconds": 0.7},
    ],
    ids=["memory", "processor", "clock"],
)
async def test_bomb(allowed):
    """A document that takes too much kills its reader alone; the next document has another one."""
    async with ReaderProcess(terms=terminology, production=False, limits=NO_LIMITS, **allowed) as reader:
        await reader.read(cda())
        victim = pid_of(reader)
        with pytest.raises(RefusedError, match="xml-too-costly"):
            await reader.read(BOMB)
        assert not is_running(victim)
        assert (await reader.read(cda())).unique_id
        assert pid_of(reader) != victim


async def test_caller_leaves(reader):
    """A caller who gives up half-way leaves no answer behind for the next one."""
    slow = asyncio.ensure_future(reader.read(wrapped(PDF[:-6] + b" " * 4_900_000 + b"%%EOF")))
    await asyncio.sleep(0.005)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert (await reader.read(cda(title="<title>Suivant</title>"))).title == "Suivant"


async def test_many_at_a_time():
    """More documents than readers wait for their turn, and each gets its own answer."""
    async with ReaderProcess(terms=terminology, production=False, workers=2) as reader:
        titles = [f"Lettre {number}" for number in range(20)]
        found = await asyncio.gather(*(reader.read(cda(title=f"<title>{title}</title>")) for title in titles))
        assert [entry.title for entry in found] == titles


async def test_idle_reader_ends():
    """A reader that ended while it was idle is replaced, and no document is refused for it."""
    async with ReaderProcess(terms=terminology, production=False) as reader:
        await reader.read(cda())
        os.kill(pid_of(reader), signal.SIGTERM)
        process = reader._workers[0]._process
        assert process is not None
        await process.wait()
        assert (await reader.read(cda())).unique_id


async def test_reader_ends_at_work():
    """A reader that somebody else ends is lost, and its document is not blamed."""
    async with ReaderProcess(terms=terminology, production=False) as reader:
        await reader.read(cda())
        os.kill(pid_of(reader), signal.SIGSTOP)
        reading = asyncio.ensure_future(reader.read(cda()))
        await asyncio.sleep(0.05)
        os.kill(pid_of(reader), signal.SIGTERM)
        os.kill(pid_of(reader), signal.SIGCONT)
        with pytest.raises(ReaderLostError):
            await reading


async def test_no_environment(reader):
    """A reader knows no address and no secret of its service."""
    assert environment_of(pid_of(reader)) == b""


_TRIES = """
import os, socket
from services.ingest.adapters.reader_worker import Allowance, _confine
_confine(Allowance())
for attempt in (lambda: open("/etc/passwd"), socket.socket, os.pipe):
    try: attempt(); print("opened")
    except OSError as error: print(error.errno)
"""


def test_confined():
    """Once it is ready, a reader can open no file and no socket: nothing can be fetched even by a parser's mistake."""
    run = subprocess.run([sys.executable, "-c", _TRIES], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["24", "24", "24"]  # EMFILE
