"""Letters by Typst in processes of their own: spawned, because a process that has used Typst must never fork."""

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from datetime import date
from types import TracebackType
from typing import Any, Final, Self

from services.notifications.adapters.typesetting import Batch, compiler, typeset
from services.notifications.domain.lot import Letter, Lot, reference
from services.notifications.domain.wording import Wording
from shared.clock import paris_date

_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


class TypstPress:
    """`Press` on a pool of processes; an async context manager."""

    def __init__(
        self, wording: Wording, *, sender: str, address: tuple[str, ...], demonstration: bool, processes: int = 1
    ) -> None:
        self._common = {
            "wording": asdict(wording),
            "sender": {"name": sender, "address": address},
            "demonstration": demonstration,
        }
        self._processes = processes
        self._pool = self._new_pool()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def render(self, lot: Lot, letters: Sequence[Letter]) -> bytes:
        """See `Press.render`. A killed process fails its batch, which is typeset again at the next run."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, typeset, self.batch(lot, letters))
        except BrokenProcessPool:
            self._pool.shutdown(wait=False)
            self._pool = self._new_pool()
            raise

    def batch(self, lot: Lot, letters: Sequence[Letter]) -> Batch:
        """Return what the typesetter gets."""
        common = {**self._common, "made_on": french(paris_date(lot.made_at))}
        return Batch(common, [_plain(lot.number, letter) for letter in letters], int(lot.made_at.timestamp()))

    def _new_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=compiler)


def french(day: date) -> str:
    """Return a day as a letter writes it."""
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def _plain(number: str, letter: Letter) -> dict[str, Any]:
    named = reference(number, letter.sequence)
    return {
        "lines": letter.lines,
        "child": letter.child,
        "code": letter.code,
        "sender": letter.sender,
        "reference": named,
        "mark": f"{named}/1/1",  # page 1 of 1, for the inserter
    }
