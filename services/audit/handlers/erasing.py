"""What the log says of a record is destroyed; that it was said stays, and so does every proof (F57, CSP L1111-18).

First it is written down what will be destroyed and how much, with the event that says so in the log; then it is done,
by the one user of the database that may. Killed in between, it is done later.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from services.audit.domain.erasing import Erasure, Order, closed_before
from services.audit.ports import Eraser, Erasures
from shared.clock import Clock
from shared.contracts.erasures import EntriesErasedV1, EntriesErasedV1Data
from shared.messaging.acts import Perform
from shared.messaging.unit import Unit

SERVICE: Final = "audit"
ROUND: Final = 100
"""Records that one look takes at most."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Erasing:
    """What stands behind erasures."""

    erasures: Erasures
    clock: Clock


async def order_erasure(record: str, order: Order, perform: Perform, erasing: Erasing) -> int:
    """Have everything destroyed that the log says of a record by now; return of how many entries, 0 if of none.

    A record of which something is being destroyed already is left alone until that is done: then the answer is 0 too.
    """

    async def work(unit: Unit) -> int:
        found = await erasing.erasures.about(record)
        if found is None:
            return 0
        erasing.erasures.begin(found, unit)
        data = EntriesErasedV1Data(
            entries=found.entries,
            basis=order.basis,
            reference=order.reference,
            operator=order.operator,
            second_operator=order.second_operator,
        )
        unit.emit(EntriesErasedV1.new(source=f"/{SERVICE}", time=erasing.clock.now(), data=data))
        return found.entries

    return await perform(work)


async def destroy_due(perform: Perform, *, erasing: Erasing) -> None:
    """Have destroyed what the log says of records that were closed ten years ago, and not opened again."""
    for record in await erasing.erasures.closed(closed_before(erasing.clock.now()), ROUND):
        await order_erasure(record, Order("retention"), perform, erasing)


async def destroy_openings(perform: Perform, *, erasing: Erasing, eraser: Eraser) -> None:
    """Do what was written down."""
    for erasure in await erasing.erasures.begun(ROUND):
        await erasing.erasures.unmark(erasure)  # first: the openings say which marks are theirs
        await eraser.destroy(erasure)
        log.info("openings_destroyed", count=erasure.entries)
        await perform(partial(_end, erasure, erasing))


async def _end(erasure: Erasure, erasing: Erasing, unit: Unit) -> None:
    erasing.erasures.end(erasure, unit)
