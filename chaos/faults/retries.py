"""A retry that comes to its end long after another did the same one: what its compare-and-set is for (rule 2)."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, islice
from random import Random
from time import monotonic
from typing import Final

from pymongo.errors import PyMongoError

from chaos.cast import DATABASE, link_name
from chaos.faults import NotNowError
from chaos.faults.publishing import honest_lines, key_of, publish, season_of_lines
from chaos.rig import Rig
from shared.messaging.topology import INGEST_REIMBURSEMENTS
from simulator.population import people

EVENTS: Final = 20
"""Lines that wait for their person."""

_OTHER_PEOPLE: Final = 2_000_003
"""Added to the seed: the workload registers none of these people."""

_SLOWLY_S: Final = 0.15
"""How much longer each message takes, there and back, while a retry is waited for: it holds its claim for a while."""

_IN_HAND_S: Final = 4 * _SLOWLY_S
"""From a claim that was written to a retry at work: the claim's answer comes, and the claim is read back, there and
back. What follows before the commit takes as long again: who was frozen earlier would find that it has claimed nothing.
"""

_ARRIVING_S: Final = 60.0
_CATCHING_S: Final = 20.0
"""By then the last attempt was made."""

_GIVEN_UP_S: Final = 32.0
"""Whoever said nothing for 30 s loses what it claimed."""

_TAKEN_UP_S: Final = 20.0
"""How long another may then take for it."""

_LOOK_S: Final = 0.05


@dataclass(slots=True)
class FreezeRetry:
    """A worker stands still with waiting events in hand until another retried them, and then finishes its own retry."""

    name: str = "freeze-retry"
    lasts: float = _GIVEN_UP_S
    seen: int = 0
    _frozen: str | None = None
    _keys: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - whichever retries first
        """Publish lines of somebody unknown, stop the worker that retries them, and then register the person."""
        names = [name for name in rig.crew.victims("worker") if name.startswith("ingest.")]
        if len(names) < 2:
            raise NotNowError
        number, season = next(self._numbers), season_of_lines()
        person = next(islice(people(rig.scene.seed + _OTHER_PEOPLE + number, 1), 1))
        lines = honest_lines(season, person, rig.scene.seed, 2 * EVENTS)[:EVENTS]
        self._keys = [f"{INGEST_REIMBURSEMENTS.queue}|{key_of(each)}" for each in lines]
        await publish(rig, lines, f"{self.name}-{number}-lines")
        try:
            caught = await self._waits(rig) and await self._catch(rig, names)
        finally:
            registration = season.registration(person)
            registration = replace(registration, ends=registration.ends[:1])  # as in the workload's ledger
            await publish(rig, [registration], f"{self.name}-{number}-person")
        if not caught:
            raise NotNowError
        return f"{self._frozen} with {len(self._keys)} events"

    async def _waits(self, rig: Rig) -> bool:
        """Tell whether the lines have come to waiting, behind whatever was published before them."""
        ends = monotonic() + _ARRIVING_S
        while not (waiting := await self._ended(rig, "waiting")) and monotonic() < ends:  # noqa: ASYNC110 - a look
            await asyncio.sleep(_LOOK_S)
        return bool(waiting)

    async def _catch(self, rig: Rig, names: list[str]) -> bool:
        """Slow the ways to the database down until a worker was stopped in the middle of a retry."""
        links = [rig.links[link_name(name, DATABASE)] for name in names]
        workers = {str(rig.crew.members[name].pid): name for name in names}
        for link in links:
            link.delay(_SLOWLY_S)
        ends = monotonic() + _CATCHING_S
        try:
            while monotonic() < ends:
                with contextlib.suppress(PyMongoError):
                    if await self._caught(rig, workers):
                        return True
                await asyncio.sleep(_LOOK_S)
            return False
        finally:
            for link in links:
                link.heal()

    async def _caught(self, rig: Rig, workers: Mapping[str, str]) -> bool:
        """Stop the worker that claimed the events; tell whether it did not come to its end all the same."""
        names = [f"retry {key}" for key in self._keys]
        claims = Counter([row["by"] async for row in rig.mongo["ingest"]["started"].find({"_id": {"$in": names}})])
        for process in filter(None, claims):
            name = workers.get(process.rsplit(".", 2)[1])
            if name is None:
                continue
            await asyncio.sleep(_IN_HAND_S)
            if not rig.crew.freeze(name):
                continue
            self._frozen = name
            await asyncio.sleep(2 * _SLOWLY_S)  # what it had sent arrives
            claimed = await rig.mongo["ingest"]["started"].count_documents({"_id": {"$in": names}, "by": process})
            if claimed and await self._ended(rig, "waiting"):
                return True
            self._let_go(rig)
        return False

    async def heal(self, rig: Rig) -> None:
        """Wait until another worker did what this one is about to do; then let it go on."""
        if self._frozen is None:
            return
        ends = monotonic() + _TAKEN_UP_S
        while await self._ended(rig, "done") < len(self._keys) and monotonic() < ends:  # noqa: ASYNC110 - a look
            await asyncio.sleep(_LOOK_S)
        self.seen += await self._ended(rig, "done")
        self._let_go(rig)

    async def _ended(self, rig: Rig, state: str) -> int:
        """Return how many of the events are in this state; none while nobody can tell."""
        with contextlib.suppress(PyMongoError):
            return await rig.mongo["ingest"]["inbox"].count_documents({"_id": {"$in": self._keys}, "state": state})
        return 0

    def _let_go(self, rig: Rig) -> None:
        frozen, self._frozen = self._frozen, None
        if frozen is not None:
            rig.crew.thaw(frozen)
