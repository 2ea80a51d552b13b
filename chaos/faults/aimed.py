"""Misfortunes that meet rarely by chance, aimed at the two rules that only they can try."""

import asyncio
import contextlib
from dataclasses import dataclass
from random import Random
from typing import Final

from aio_pika.exceptions import AMQPError

from chaos.faults import NotNowError
from chaos.faults.processes import BEYOND_HEARTBEAT_S
from chaos.rig import Rig
from shared.messaging.topology import DELIVERY_LIMIT, INGEST_REIMBURSEMENTS

_BACK_S: Final = 4.0
"""How long a process takes to find its connections dead and to subscribe again."""

_GONE: Final = (AMQPError, OSError, TimeoutError, asyncio.CancelledError)


@dataclass(slots=True)
class Overtake:
    """The log's sequencer stands still until another took over, and has its turn again when that one dies."""

    name: str = "overtake"
    lasts: float = BEYOND_HEARTBEAT_S
    seen: int = 0
    _frozen: str | None = None
    _number: int = 0

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - they take turns
        """Stop one of the sequencers, each in its turn."""
        sequencers = sorted(name for name in rig.crew.victims("worker") if name.startswith("audit."))
        if len(sequencers) < 2:
            raise NotNowError
        self._number += 1
        victim = sequencers[self._number % len(sequencers)]
        if not rig.crew.freeze(victim):
            raise NotNowError
        self._frozen = victim
        return victim

    async def heal(self, rig: Rig) -> None:
        """Let it go on, and kill the others once it is back."""
        victim, self._frozen = self._frozen, None
        if victim is None:
            return
        rig.crew.thaw(victim)
        await asyncio.sleep(_BACK_S)
        others = [name for name in rig.crew.victims("worker") if name.startswith("audit.") and name != victim]
        self.seen += sum(rig.crew.kill(name) for name in others) > 0


@dataclass(slots=True)
class WearOut:
    """Messages come back more often than the broker has patience: it gives up delivering them."""

    name: str = "wear-out"
    lasts: float = 0.0
    seen: int = 0

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - there is one
        """Kill a flow's workers, and take and return what waits for them until the broker gives up."""
        queue = INGEST_REIMBURSEMENTS.queue
        for name in rig.crew.victims("worker"):
            if name.startswith("ingest."):
                rig.crew.kill(name)
        with contextlib.suppress(*_GONE):
            async with asyncio.timeout(15):
                await self._wear(rig, queue)
                self.seen += 1
                return queue
        raise NotNowError

    async def _wear(self, rig: Rig, queue: str) -> None:
        """Return once a message came back once more than the limit allows; others that come meanwhile are held."""
        worn, times = None, 0
        async with await rig.broker.connect() as connection, connection.channel() as channel:
            source = await channel.get_queue(queue, ensure=False)
            while times <= DELIVERY_LIMIT:
                message = await source.get(fail=False, timeout=5)
                if message is None:
                    await asyncio.sleep(0.05)
                elif worn in (None, message.message_id):
                    worn, times = message.message_id, times + 1
                    await message.nack(requeue=True)
            await source.get(fail=False, timeout=5)

    async def heal(self, rig: Rig) -> None:
        """Nothing to undo: the workers come back by themselves."""


def aimed() -> tuple[Overtake | WearOut, ...]:
    """Return both."""
    return Overtake(), WearOut()
