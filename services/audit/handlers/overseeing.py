"""Records tells who oversees a record; audit remembers it, for who may read everything (F59)."""

from collections.abc import Sequence

from services.audit.domain.overseers import Overseer
from services.audit.ports import OverseerStore
from shared.contracts.records import OversightChangedV1
from shared.messaging.unit import Unit


async def note_overseers(events: Sequence[OversightChangedV1], unit: Unit, *, overseers: OverseerStore) -> None:
    """Write down who oversees which record from now on; what was overtaken by a later version is ignored."""
    latest: dict[str, Overseer] = {}
    for event in events:
        said = Overseer(
            event.subject, event.data.professional, event.data.oversight, event.data.until, event.data.version
        )
        if said.id not in latest or said.version > latest[said.id].version:
            latest[said.id] = said
    overseers.save(list(latest.values()), unit)
