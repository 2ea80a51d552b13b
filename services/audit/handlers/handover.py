"""All traces of given professionals for a period, handed over to an authority that asks for them (EX_AIR-120)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.audit.domain.shown import Access, Reader
from services.audit.handlers.accesses import SERVICE, Desk
from services.audit.handlers.lines import open_lines
from shared.contracts.operations import OperatorActedV1, OperatorActedV1Data
from shared.identity import name_of
from shared.messaging.unit import Unit

_STEP: Final = 200


@dataclass(frozen=True, slots=True)
class Handover:
    """Whose traces are asked for, recorded when, and who hands them over why; ``until`` is excluded."""

    professionals: Sequence[str]
    """National ids, of structures too."""
    since: datetime
    until: datetime
    operator: str
    second_operator: str
    reason: str

    @property
    def period(self) -> str:
        """The period as ISO 8601 writes it."""
        return f"{self.since.isoformat()}/{self.until.isoformat()}"


async def note_handover(handover: Handover, desk: Desk) -> None:
    """Return once it is durable that the traces are handed over, by whom, why, and whose; nothing leaves before."""
    names = [name_of(desk.index_key, number) for number in handover.professionals]
    data = OperatorActedV1Data(
        service=SERVICE,
        operator=handover.operator,
        act="hand-over",
        targets=[*names, handover.period],
        reason=handover.reason,
        second_operator=handover.second_operator,
    )
    unit = Unit()
    unit.emit(OperatorActedV1.new(source=f"/{SERVICE}", time=desk.clock.now(), data=data))
    await desk.append(unit)


async def hand_over(handover: Handover, desk: Desk) -> AsyncIterator[Mapping[str, Any]]:
    """Yield what is handed over: what was asked, each trace, and how many there were; without that it was cut off."""
    yield {"professionals": list(handover.professionals), "period": handover.period, "at": desk.clock.now()}
    count = 0
    for number in handover.professionals:
        async for access in _traces(name_of(desk.index_key, number), handover, desk):
            yield _told(number, access)
            count += 1
    yield {"complete": True, "traces": count}


async def _traces(name: str, handover: Handover, desk: Desk) -> AsyncIterator[Access]:
    before: int | None = None
    while True:
        placed = await desk.marks.of(
            name, record=None, before=before, since=handover.since, until=handover.until, limit=_STEP
        )
        kept = [each.kept for each in placed if each.kept is not None]
        for line in await open_lines(kept, Reader.PROFESSIONAL, desk.vaults):
            if line is not None:
                yield line
        if len(placed) < _STEP:
            return
        before = placed[-1].place


def _told(number: str, access: Access) -> Mapping[str, Any]:
    return {
        "professional": number,
        "index": access.index,
        "at": access.at,
        "recorded_at": access.recorded_at,
        "record": access.record,
        "action": access.action,
        "description": access.description,
        "outcome": "permitted" if access.permitted else "denied",
        "rule": access.rule,
        "state": access.state,
        "who": access.who,
        "documents": list(access.documents),
        "service": access.service,
        "software": access.software,
    }
