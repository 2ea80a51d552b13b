"""Misfortunes that meet rarely by chance, aimed at the rules that only they can try."""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import orjson
from pymongo.errors import PyMongoError

from chaos.cast import DATABASE, link_name
from chaos.faults import NotNowError
from chaos.faults.processes import BEYOND_HEARTBEAT_S
from chaos.rig import Rig
from shared.messaging.topology import DELIVERY_LIMIT, INGEST_REIMBURSEMENTS
from simulator.mistakes import MISTAKEN

_BACK_S: Final = 4.0
"""How long a process takes to find its connections dead and to subscribe again."""

_WEARING_S: Final = 10.0

_SLOWLY_S: Final = 0.15
"""How much longer each command takes while a retry is waited for: what it claimed, it holds for some seconds."""

_CATCHING_S: Final = 15.0
_LOOK_S: Final = 0.05
_ENOUGH: Final = 5
"""Events that a retry must hold."""

_GIVEN_UP_S: Final = 32.0
"""Whoever said nothing for 30 s loses what it claimed."""

_TAKEN_UP_S: Final = 20.0
"""How long another may then take for it."""


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


@dataclass(slots=True)
class FreezeRetry:
    """A worker stands still with waiting events in hand until another retried them, and then finishes its own retry."""

    name: str = "freeze-retry"
    lasts: float = _GIVEN_UP_S
    seen: int = 0
    _frozen: str | None = None
    _held: list[str] = field(default_factory=list)

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - the first that retries
        """Slow the way to the database down, and stop the first worker that has claimed enough."""
        names = [name for name in rig.crew.victims("worker") if name.startswith("ingest.")]
        workers = {str(rig.crew.members[name].pid): name for name in names}
        if len(workers) < 2:
            raise NotNowError
        links = [rig.links[link_name(name, DATABASE)] for name in names]
        for link in links:
            link.delay(_SLOWLY_S)
        try:
            async with asyncio.timeout(_CATCHING_S):
                while not await self._caught(rig, workers):  # noqa: ASYNC110 - the database tells nobody
                    await asyncio.sleep(_LOOK_S)
        except (TimeoutError, PyMongoError):
            await self._let_go(rig)
            raise NotNowError from None
        finally:
            for link in links:
                link.heal()
        return f"{self._frozen} with {len(self._held)} events"

    async def _caught(self, rig: Rig, workers: Mapping[str, str]) -> bool:
        """Stop a worker that retries; tell whether it did not come to its end all the same."""
        claims: dict[str, list[str]] = defaultdict(list)
        async for row in rig.mongo["ingest"]["started"].find({"_id": {"$regex": "^retry "}, "by": {"$ne": None}}):
            if MISTAKEN not in row["_id"]:  # whom a mistake waits for, never comes
                claims[row["by"]].append(row["_id"].removeprefix("retry "))
        for process, keys in claims.items():
            name = workers.get(process.rsplit(".", 2)[1])
            if name is None or len(keys) < _ENOUGH or not rig.crew.freeze(name):
                continue
            self._frozen, self._held = name, keys
            await asyncio.sleep(2 * _SLOWLY_S)  # what it had sent arrives
            if await self._ended(rig, "waiting") >= _ENOUGH:
                return True
            await self._let_go(rig)
        return False

    async def heal(self, rig: Rig) -> None:
        """Wait until another worker did what this one is about to do; then let it go on."""
        if self._frozen is None:
            return
        for _ in range(round(_TAKEN_UP_S / _LOOK_S)):
            if await self._ended(rig, "done") >= _ENOUGH:
                break
            await asyncio.sleep(_LOOK_S)
        self.seen += await self._ended(rig, "done")
        await self._let_go(rig)

    async def _ended(self, rig: Rig, state: str) -> int:
        """Return how many of the events that it held are in this state; none while nobody can tell."""
        with contextlib.suppress(PyMongoError):
            return await rig.mongo["ingest"]["inbox"].count_documents({"_id": {"$in": self._held}, "state": state})
        return 0

    async def _let_go(self, rig: Rig) -> None:
        frozen, self._frozen = self._frozen, None
        if frozen is not None:
            rig.crew.thaw(frozen)


def aimed() -> tuple[Overtake | WearOut | FreezeRetry, ...]:
    """Return all of them."""
    return Overtake(), WearOut(), FreezeRetry()
