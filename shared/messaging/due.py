"""One look for what is due in all flows of a process: most of the time nothing waits, and every look is a query."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from shared.clock import Clock
from shared.messaging.store import Held, Inbox

_FRESH_S: Final = 0.4
"""How long a look serves; a flow that looks twice a second looks anew each time."""


class DueLooks:
    """The waiting rows of several queues: only where one is due does a flow ask for its own."""

    def __init__(self, inbox: Inbox, queues: Collection[str], clock: Clock) -> None:
        self._inbox = inbox
        self._queues = queues
        self._clock = clock
        self._look: asyncio.Task[set[str]] | None = None
        self._until = float("-inf")

    async def due(self, queue: str, now: datetime, limit: int) -> Sequence[Held]:
        """See `Inbox.due`; what became due a moment ago may be found at the next look."""
        loop = asyncio.get_running_loop()
        if self._look is None or loop.time() >= self._until:
            self._until = loop.time() + _FRESH_S
            # One flow may ask for what has been due for long only, and must not hide what the others ask for.
            self._look = asyncio.create_task(self._inbox.queues_due(self._queues, self._clock.now()))
        # A flow that is told to stop must not take the answer from the others.
        if queue in await asyncio.shield(self._look):
            return await self._inbox.due(queue, now, limit)
        return ()
