"""Misfortunes that meet rarely by chance, aimed at the rules that only they can try."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import orjson

from chaos.faults import NotNowError
from chaos.faults.processes import BEYOND_HEARTBEAT_S
from chaos.faults.retries import FreezeRetry
from chaos.rig import Rig
from shared.messaging.topology import DELIVERY_LIMIT, INGEST_REIMBURSEMENTS

_BACK_S: Final = 4.0
"""How long a process takes to find its connections dead and to subscribe again."""

_WEARING_S: Final = 30.0


@dataclass(slots=True)
class Overtake:
    """The log's sequencer stands still until another took over, and has its turn again when that one dies."""

    name: str = "overtake"
    lasts: float = BEYOND_HEARTBEAT_S
    seen: int = 0
    _frozen: str | None = None

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - there is one in charge
        """Stop the sequencer that is in charge."""
        sequencers = [name for name in rig.crew.victims("worker") if name.startswith("audit.")]
        victim = max(sequencers, key=lambda name: _took_over(rig.scene.logs / f"{name}.log"), default=None)
        if victim is None or len(sequencers) < 2 or not rig.crew.freeze(victim):
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


def _took_over(log: Path) -> str:
    """Return when a sequencer last took over, as its log says; nothing if it never did."""
    lines = log.read_bytes().splitlines() if log.exists() else []
    return max((str(orjson.loads(line)["timestamp"]) for line in lines if b'"log_taken_over"' in line), default="")


@dataclass(slots=True)
class WearOut:
    """A message comes back more often than the broker has patience: it gives up delivering it."""

    name: str = "wear-out"
    lasts: float = BEYOND_HEARTBEAT_S
    seen: int = 0
    _frozen: list[str] = field(default_factory=list)

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - there is one
        """Stop a flow's workers, until the broker has taken back all that they held."""
        workers = [name for name in rig.crew.victims("worker") if name.startswith("ingest.")]
        self._frozen += [name for name in workers if rig.crew.freeze(name)]
        if not self._frozen:
            raise NotNowError
        return INGEST_REIMBURSEMENTS.queue

    async def heal(self, rig: Rig) -> None:
        """Take a message and return it until the broker gives up; then let the workers go on."""
        if not self._frozen:
            return
        wearing = asyncio.create_task(_wear(rig, INGEST_REIMBURSEMENTS.queue))
        done, _ = await asyncio.wait({wearing}, timeout=_WEARING_S)
        wearing.cancel()  # not waited for: a library may take its time to close
        self.seen += bool(done) and wearing.exception() is None
        while self._frozen:
            rig.crew.thaw(self._frozen.pop())


async def _wear(rig: Rig, queue: str) -> None:
    """Return once a message came back once more than the limit allows."""
    deliveries: Counter[str | None] = Counter()
    async with await rig.broker.connect() as connection, connection.channel() as channel:
        source = await channel.get_queue(queue, ensure=False)
        while not deliveries or max(deliveries.values()) <= DELIVERY_LIMIT:
            message = await source.get(fail=False, timeout=5)
            if message is None:
                await asyncio.sleep(0.05)
                continue
            deliveries[message.message_id] += 1
            await message.nack(requeue=True)


def aimed() -> tuple[Overtake | WearOut | FreezeRetry, ...]:
    """Return all of them."""
    return Overtake(), WearOut(), FreezeRetry()
