"""The processes that typeset: spawned, because a process that has used Typst must never fork."""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self, TypeVar

from shared.typesetting.pdf import compiler

T = TypeVar("T")


class Workshop:
    """A pool of processes that have loaded the fonts, one per core that may be used; an async context manager.

    They start when the first work comes.
    """

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._pool = self._new_pool()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def make(self, work: Callable[[T], bytes], material: T) -> bytes:
        """Do a work in one of the processes.

        Raise what it raises, and `BrokenProcessPool` if its process was killed: then the next work finds new ones.
        """
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work, material)
        except BrokenProcessPool:
            pool.shutdown(wait=False)
            if self._pool is pool:
                self._pool = self._new_pool()
            raise

    def _new_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=compiler)
