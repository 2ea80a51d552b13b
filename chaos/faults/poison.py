"""Events that kill whoever takes them up, among good ones: each is set aside, and its neighbours are applied."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, islice
from random import Random
from time import monotonic
from typing import Final

import orjson

from chaos.faults.publishing import AGAIN_S, honest_lines, publish, season_of_lines
from chaos.launched import KILLS_READING, kills
from chaos.rig import Rig
from chaos.workload.crowd import patients
from shared.messaging.topology import INGEST_REIMBURSEMENTS, RECORDS_REIMBURSEMENTS
from simulator.publications import End, Publication

KILLER: Final = "process-killer"

_PARKED_BY_INGEST: Final = End(INGEST_REIMBURSEMENTS.queue, "parked", KILLER)
_PARKED_BY_RECORDS: Final = End(RECORDS_REIMBURSEMENTS.queue, "parked", KILLER)
_TAKEN_BY_INGEST: Final = End(INGEST_REIMBURSEMENTS.queue, "done")

KINDS: Final[Mapping[str, tuple[str, tuple[End, ...]]]] = {
    "reading": (KILLS_READING, (_PARKED_BY_INGEST,)),
    "ingest": (kills("ingest"), (_PARKED_BY_INGEST,)),
    "records": (kills("records"), (_TAKEN_BY_INGEST, _PARKED_BY_RECORDS)),
}
"""By what it kills: the mark in its id, and where it must end."""

NEIGHBOURS: Final = 4

_OTHER_LINES: Final = 7_777
"""Added to the seed: the workload publishes none of these lines."""

_PATIENCE_S: Final = 90.0


@dataclass(slots=True)
class ProcessKiller:
    """One killer of each kind: of whoever reads its body, of ingest's handler, of records' handler."""

    name: str = "process-killer"
    lasts: float = 20.0
    seen: int = 0
    _awaited: int = 0
    """How many must have been set aside once this strike has bitten."""
    _numbers: Iterator[int] = field(default_factory=count)

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Publish them as an insurer, each until the broker confirms it."""
        self._awaited = await rig.parked(KILLER) + 1
        number = next(self._numbers)
        person = patients(rig.scene.seed)[dice.randrange(4)].person
        following = iter(honest_lines(season_of_lines(), person, rig.scene.seed + _OTHER_LINES + number, 60))
        for kind, (mark, ends) in KINDS.items():
            # A body that kills whoever reads it takes its neighbours with it: nobody has seen them.
            good = list(islice(following, 0 if kind == "reading" else NEIGHBOURS))
            killer = _marked(replace(next(following), ends=ends), mark)
            good.insert(dice.randint(0, len(good)), killer)
            await publish(rig, good, f"{KILLER}-{number}-{kind}", read=kind != "reading")
        return ", ".join(KINDS)

    async def heal(self, rig: Rig) -> None:
        """Look how many were set aside by now; on a busy machine, each death takes its time."""
        ends = monotonic() + _PATIENCE_S
        while (parked := await rig.parked(KILLER)) < self._awaited and monotonic() < ends:  # noqa: ASYNC110 - a look
            await asyncio.sleep(AGAIN_S)
        self.seen, self._awaited = max(self.seen, parked), 0


def _marked(publication: Publication, mark: str) -> Publication:
    event = orjson.loads(publication.body)
    data = event["data"]
    data["flux"] += mark
    event["id"] = f"{data['flux']}/{data['line']}"
    return replace(publication, body=orjson.dumps(event))
