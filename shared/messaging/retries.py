"""Waiting events whose time has come: claimed, so that a retry that ends its process is known afterwards (rule 6)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Generic, Protocol

import structlog

from shared.clock import Clock
from shared.errors import RefusedError
from shared.messaging.delivery import Incoming
from shared.messaging.failures import Failure, classify
from shared.messaging.reading import is_unread, read_again
from shared.messaging.rows import RowBody
from shared.messaging.starts import LIMIT, Deaths
from shared.messaging.store import Held
from shared.messaging.subscription import E
from shared.messaging.suspects import Suspects

LOOK_EVERY_S: Final = 0.5

AT_ONCE: Final = timedelta(0)
LEFT_ALONE: Final = timedelta(minutes=1)
"""What has been due for so long, nobody takes up whose task it is."""

log = structlog.get_logger()


class DueRows(Protocol):
    """Where what waits is found: the inbox, or one look of several consumers."""

    async def due(self, queue: str, now: datetime, limit: int) -> Sequence[Held]:
        """See `Inbox.due`."""


@dataclass(slots=True)
class Retries(Generic[E]):
    """Takes up the waiting events of one flow; several processes share them without meeting."""

    waiting: DueRows
    suspects: Suspects[E]
    clock: Clock
    _next_look: float = 0.0

    async def take_up(self, overdue: timedelta = AT_ONCE) -> None:
        """Settle what has been due for so long, if it is time to look; an outage is met again at the next look."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._next_look:
            return
        self._next_look = loop.time() + LOOK_EVERY_S
        flow = self.suspects.settler.subscription.flow
        try:
            held = await self.waiting.due(flow.queue, self.clock.now() - overdue, flow.batch)
            claimed = await self.suspects.starts.claim([row.key for row in held]) if held else {}
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            log.info("waiting_rows_unreadable", queue=flow.queue, error=type(error).__name__)
            return
        mine = [row for row in held if row.key in claimed]
        if together := [row for row in mine if not claimed[row.key].suspect and not is_unread(row)]:
            await self._settle(together)
        for row in mine:
            if claimed[row.key].suspect or is_unread(row):
                await self._settle_alone(row, claimed[row.key])

    async def _settle(self, rows: Sequence[Held]) -> None:
        settler = self.suspects.settler
        bodies = await settler.insist(partial(self._open, rows))
        pairs = zip(rows, bodies, strict=True)
        await settler.settle([read_again(settler.subscription, row, body, self.suspects.secret) for row, body in pairs])
        await settler.insist(partial(self.suspects.starts.release, [row.key for row in rows]))

    async def _settle_alone(self, row: Held, deaths: Deaths) -> None:
        """Retry a row by itself, or set it aside if it ended two processes that did just that."""
        suspects = self.suspects
        async with suspects.alone():
            if deaths.alone >= LIMIT:
                await suspects.park(_unopened(row), row.body)
                return
            await suspects.settler.insist(partial(suspects.starts.go_alone, row.key))
            if not is_unread(row):
                await self._settle([row])
                return
            body = (await suspects.settler.insist(partial(self._open, [row])))[0]
            if isinstance(body, RefusedError):
                await self._settle([row])  # nothing is left to be read: that is its end
            elif await suspects.settle_row(row, body):
                await suspects.settler.insist(partial(suspects.starts.release, [row.key]))

    async def _open(self, rows: Sequence[Held]) -> Sequence[bytes | RefusedError]:
        return await self.suspects.settler.rows.sealer.unseal([RowBody(row.key, row.body) for row in rows])


def _unopened(row: Held) -> Incoming:
    return Incoming(row.key, row.digest, b"", row.wire_type, row.user, event=None, attempts=row.attempts)
