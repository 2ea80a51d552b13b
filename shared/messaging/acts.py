"""An act that no message caused, a request's or a job's: effects, events and books in one transaction."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Final, Protocol, TypeAlias, TypeVar
from uuid import uuid4

from shared.contracts.accesses import AccessTracedV1
from shared.messaging.failures import Failure, classify
from shared.messaging.numbers import Row, numbered, numbers_of
from shared.messaging.outbox import outbox_rows
from shared.messaging.runtime import Runtime
from shared.messaging.store import Commit, OutboxRow
from shared.messaging.unit import Effect, Unit

ACTS: Final = "acts"
"""The name under which the books count what acts publish."""

LANES: Final = 16
"""Acts of one process that commit at the same time; each counts in a row of its own, so they never conflict."""

_PAUSES_S: Final = (0.0, 0.005, 0.02, 0.1, 0.3, 0.6, 1.0)
"""Before each attempt: a caller waits for about two seconds, then it is told."""

T = TypeVar("T")

Work: TypeAlias = Callable[[Unit], Awaitable[T]]
"""Decides, outside the transaction, what a unit will do; it may be called again, with a new unit."""


class Fence(Protocol):
    """The right to act of one among several instances; the transaction itself checks it."""

    def check(self, lane: int) -> Effect:
        """Return an effect that raises `FencedError` if a successor has taken over."""


class Perform(Protocol):
    """`perform` with everything but the work already given."""

    async def __call__(self, work: Work[T]) -> T:
        """Do the work in a transaction of its own and return its answer."""


async def perform(runtime: Runtime, work: Work[T], *, fence: Fence | None = None, races: bool = True) -> T:
    """Decide, commit, publish; return what the work returned in the attempt that took effect.

    Whoever loses a race decides again on what is there by then; with ``races=False``, where this would change nothing,
    the conflict is raised at once. What the work raises is raised, and nothing was done. `FencedError` is raised, and a
    failure of the infrastructure that lasts: then the act may or may not have taken effect, as when a connection
    breaks, so a work is written to be done again without harm.
    """
    made: dict[str, tuple[T, Sequence[OutboxRow], Row, list[AccessTracedV1]]] = {}
    async with _lane(runtime.process) as lane:
        inbox, numbers, place = runtime.inbox.beside(lane), numbers_of(runtime.process), f"{ACTS}-{lane}"
        for pause in _PAUSES_S:
            await asyncio.sleep(pause)
            row: Row | None = None
            try:
                # A commit that ended in an error may have taken effect all the same.
                token = await inbox.last(ACTS) if made else None
                if token is None or token not in made:
                    unit, token = Unit(), uuid4().hex
                    answer = await work(unit)
                    row = numbers.row(place)
                    unit.emitted, traces = numbered(unit.emitted, row)
                    commit = _commit(unit, token, runtime.process, fence.check(lane) if fence else None)
                    made[token] = answer, commit.outbox, row, traces
                    if unit.effects or unit.emitted:
                        await inbox.commit(commit)
            except Exception as error:
                if row is not None and classify(error) is not Failure.INFRASTRUCTURE:
                    row.give_up()
                final = {Failure.DATA, Failure.FENCED} if races else set(Failure) - {Failure.INFRASTRUCTURE}
                if pause == _PAUSES_S[-1] or classify(error) in final:
                    raise
            else:
                answer, outbox, numbered_by, traces = made[token]
                numbered_by.keep(traces)
                runtime.relay.offer(outbox)
                return answer
    raise AssertionError  # the last attempt returned or raised


def _commit(unit: Unit, token: str, process: str, check: Effect | None) -> Commit:
    tally = Counter(f"emitted.{each.exchange}.{each.event.type}" for each in unit.emitted)
    effects = [check, *unit.effects] if check else unit.effects
    return Commit((), effects, outbox_rows(unit.emitted, process), tally, ACTS, token)


@asynccontextmanager
async def _lane(process: str) -> AsyncIterator[int]:
    free = _free_lanes(process)
    lane = await free.get()
    try:
        yield lane
    finally:
        free.put_nowait(lane)


@cache
def _free_lanes(_process: str) -> asyncio.PriorityQueue[int]:
    """Return the lanes of a process that nobody is in; the lowest is taken first, so that few rows are made."""
    lanes: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
    for lane in range(LANES):
        lanes.put_nowait(lane)
    return lanes
