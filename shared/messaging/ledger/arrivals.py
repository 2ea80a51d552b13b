"""Whether what others sent has arrived: what they state against what was heard, queue by queue (rule 8)."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from shared.messaging.ledger.counts import Counted
from shared.messaging.ledger.findings import Finding, Kind
from shared.messaging.ledger.statements import Sent, Statements
from shared.messaging.topology import Flow, dead_queue

LOOKS: Final = 2
"""How often in a row a queue must be found empty before what did not come out of it is missing."""

_MINUTE: Final = timedelta(minutes=1)

Depths: TypeAlias = Callable[[Collection[str]], Awaitable[Mapping[str, int | None]]]
"""Tells how many messages wait in queues; None: there is no such queue."""

Held: TypeAlias = Callable[[], Awaitable[Mapping[str, int]]]
"""Tells how many messages the service's workers hold of each queue, not yet acknowledged."""


@dataclass(slots=True)
class ArrivalCheck:
    """Compares, minute by minute of publication, what was stated with what was heard."""

    flows: Sequence[Flow]
    counted: Counted
    statements: Statements
    depths: Depths
    held: Held
    _looks: dict[Sent, tuple[int, int]] = field(default_factory=dict)
    """How many were stated, and how often in a row the queue had nothing more to give."""

    async def look(self, before: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Return what is missing, and which of the former findings were looked at again."""
        stated = await self.statements.open()  # first: what is heard later is not missing
        held = await self.held()
        depths = await self.depths([name for flow in self.flows for name in (flow.queue, dead_queue(flow))])
        found = [Finding(Kind.QUEUE, name, 1) for name, depth in depths.items() if depth is None]
        complete: dict[Sent, int] = {}
        looks: dict[Sent, tuple[int, int]] = {}
        for flow in self.flows:
            concerned = {sent: each for sent, each in stated.items() if sent.flow == flow.queue}
            heard = await self.counted.heard(flow.queue) if concerned else Counter()
            idle = not (held.get(flow.queue) or depths[flow.queue] or depths[dead_queue(flow)])
            idle = idle and depths[flow.queue] is not None
            for sent, (events, at) in concerned.items():
                count = heard[sent.origin, sent.minute]
                if count >= events:
                    complete[sent] = count
                    continue
                looks[sent] = (events, self._looked(sent, events, empty=idle or _is_overtaken(heard, sent.origin, at)))
                if looks[sent][1] >= LOOKS or _finding(sent, 0).key in {each.key for each in before}:
                    found.append(_finding(sent, events - count))
        self._looks = looks
        await self.statements.close(complete)
        return found, [each for each in before if each.kind in (Kind.EVENT, Kind.QUEUE)]

    def _looked(self, sent: Sent, events: int, *, empty: bool) -> int:
        known, looks = self._looks.get(sent, (events, 0))
        return (looks if known == events else 0) + empty


def _is_overtaken(heard: Mapping[tuple[str, datetime], int], origin: str, at: datetime) -> bool:
    """Tell whether something that was sent after the statement has been heard: queues keep their order."""
    return any(service == origin and minute >= at + _MINUTE for service, minute in heard)


def _finding(sent: Sent, missing: int) -> Finding:
    return Finding(Kind.EVENT, sent.flow, missing, origin=sent.origin, slice=sent.minute)
