"""Whether a trace of every number is in the log, by what producers state and by what came (F57, rule 14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.audit.domain.marks import is_own
from services.audit.ports import SeriesStore
from shared.contracts.accesses import AccessCountedV1
from shared.messaging import instants
from shared.messaging.ledger.findings import Finding, Kind
from shared.messaging.ledger.rows import KEPT
from shared.messaging.topology import AUDIT_EVENTS
from shared.messaging.unit import Unit


async def note_counts(events: Sequence[AccessCountedV1], unit: Unit, *, series: SeriesStore) -> None:
    """Write down how far producers have come; a statement about another service's is ignored."""
    counts: dict[str, int] = {}
    for event in events:
        if not all(is_own(each.producer, event.source) for each in event.data.producers):
            unit.ignore(event, "producer-foreign")
            continue
        for each in event.data.producers:
            counts[each.producer] = max(each.last, counts.get(each.producer, 0))
    if counts:
        series.told(counts, unit)


@dataclass(frozen=True, slots=True)
class TraceCheck:
    """Names the producers of whose traces some are missing, beside what the ledger names; for a week, as it does."""

    series: SeriesStore
    overdue: timedelta
    """How long a trace may come after what shows that there is one."""

    async def look(self, before: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Return what is missing, and which of the former findings were looked at again."""
        await self.series.take()
        now = instants.now()
        found = []
        for producer, series in (await self.series.incomplete()).items():
            gone = [gap for gap in series.overdue(now, self.overdue) if now - gap.since < KEPT]
            if gone:
                found.append(Finding(Kind.TRACE, AUDIT_EVENTS.queue, sum(gap.count for gap in gone), origin=producer))
        return found, [each for each in before if each.kind is Kind.TRACE]
