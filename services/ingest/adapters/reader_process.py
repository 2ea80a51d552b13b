"""Reads documents in processes of their own, so that what a document does to its reader it does to nothing else."""

import asyncio
import hashlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from services.ingest.adapters.cda_reader import Limits
from services.ingest.adapters.reader_worker import LENGTH, MOST_ANSWER, OUT_OF_MEMORY, Allowance
from services.ingest.domain.documents.entry import Terms, entry_of
from services.ingest.domain.documents.header import Header
from services.ingest.domain.documents.metadata import DocumentEntry
from services.ingest.ports import ReaderLostError
from shared.errors import RefusedError

_ROOT: Final = Path(__file__).parents[3]
_START_SECONDS: Final = 30
"""What a process takes a tenth of a second for."""
_COSTLY: Final = frozenset(
    {OUT_OF_MEMORY}
    | {-number for number in (signal.SIGXCPU, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGKILL)}
)
"""How a process ends that a document ended; SIGKILL is the system's own, short of memory."""


class ReaderProcess:
    """A reader of documents: ``async with ReaderProcess(…) as reader: entry = await reader.read(body)``.

    ``workers`` documents are read at a time, the others wait; a worker is started when it is first needed and again
    after it ended. ``seconds`` is how long one may take by the clock, waiting for a processor included.
    """

    def __init__(
        self,
        *,
        terms: Terms,
        production: bool,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        allowance: Allowance = Allowance(),  # noqa: B008 - frozen
        seconds: float = 30,
        workers: int = 1,
    ) -> None:
        self._terms = terms
        self._production = production
        self._limits = limits
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        told = json.dumps({"limits": asdict(limits), "allowance": asdict(allowance)})
        self._workers = [_Worker(told, seconds) for _ in range(workers)]
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def __aenter__(self) -> Self:
        """Start nothing yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        for worker in self._workers:
            await worker.end()

    async def read(self, body: bytes) -> DocumentEntry:
        """Return the metadata of a CDA document.

        Raises RefusedError with a code of `shared.contracts.reasons`, and ReaderLostError.
        """
        if len(body) > self._limits.size:
            raise RefusedError("xml-too-large")
        header = _header(await self._ask(body))
        digest = hashlib.sha256(body).hexdigest()
        return entry_of(header, size=len(body), sha256=digest, terms=self._terms, production=self._production)

    async def _ask(self, body: bytes) -> dict[str, Any]:
        worker = await self._idle.get()
        try:
            return await worker.ask(body)
        finally:
            self._idle.put_nowait(worker)


def _header(answer: dict[str, Any]) -> Header:
    """Return the header of an answer; nothing in it can be more than text, whatever became of the process."""
    if refused := answer.get("refused"):
        raise RefusedError(*refused)
    if "header" not in answer:
        raise ReaderLostError(str(answer.get("failed")))
    return Header(**answer["header"])


class _Worker:
    """A process, or the place of one."""

    def __init__(self, told: str, seconds: float) -> None:
        self._told = told
        self._seconds = seconds
        self._process: Process | None = None

    async def ask(self, body: bytes) -> dict[str, Any]:
        """Let the process read a body; what ended it because of that body refuses the body."""
        process = await self._running()
        try:
            async with asyncio.timeout(self._seconds):
                return await _exchange(process, body)
        except TimeoutError:
            await self.end()
            raise RefusedError("xml-too-costly") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            self._process = None
            if await process.wait() in _COSTLY:
                raise RefusedError("xml-too-costly") from None
            raise ReaderLostError from None
        except BaseException:  # a caller who left half-way: what comes next is not the next one's answer
            self._kill()
            raise

    async def end(self) -> None:
        """Kill the process, if there is one; it holds nothing that is worth an orderly end."""
        process = self._process
        self._kill()
        if process is not None:
            await process.wait()

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()

    async def _running(self) -> Process:
        """Return the process, another one where it ended while it was idle."""
        process = self._process
        return process if process is not None and process.returncode is None else await self._start()

    async def _start(self) -> Process:
        """Start a process that knows nothing of the service's environment: no address, no key, no token."""
        command = (sys.executable, "-m", "services.ingest.adapters.reader_worker", self._told)
        self._process = process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, cwd=_ROOT, env={}, start_new_session=True
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                await _receive(process)
        except (TimeoutError, asyncio.IncompleteReadError):
            await self.end()
            raise ReaderLostError from None
        except BaseException:
            self._kill()
            raise
        return process


async def _exchange(process: Process, body: bytes) -> dict[str, Any]:
    assert process.stdin is not None  # noqa: S101 - it was asked for
    process.stdin.writelines((len(body).to_bytes(LENGTH, "big"), body))
    await process.stdin.drain()
    return await _receive(process)


async def _receive(process: Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    length = int.from_bytes(await process.stdout.readexactly(LENGTH), "big")
    if length > MOST_ANSWER:
        raise ReaderLostError
    answer: dict[str, Any] = orjson.loads(await process.stdout.readexactly(length))
    return answer
