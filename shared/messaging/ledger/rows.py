"""Whether the rows that commits counted still stand: the newest at every look, all of a week in turn (rule 14)."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from shared.messaging import instants
from shared.messaging.ledger.counts import Counted
from shared.messaging.ledger.findings import Finding, Kind
from shared.messaging.mongo_outbox import KEPT_FOR_S

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)

KEPT: Final = timedelta(seconds=KEPT_FOR_S) - HOUR
"""How far back is looked: older rows of the outbox may be gone by right."""

SUMMED_AFTER: Final = 2 * HOUR
"""Minutes before the hour in which this lies are summed to hours, and compared so."""

_NEWEST: Final = 3
"""Minutes that every look compares."""

_BUDGET_S: Final = 0.5
"""How long a look may go on with older ones: where little happens that is a week, where much, a part of it."""


class Span(NamedTuple):
    """A minute or an hour."""

    begin: datetime
    length: timedelta

    def holds(self, instant: datetime | None) -> bool:
        """Tell whether an instant lies in it."""
        return instant is not None and self.begin <= instant < self.begin + self.length


@dataclass(slots=True)
class RowCheck:
    """Compares, span by span, what was counted with what stands."""

    counted: Counted
    _after: datetime | None = field(default=None)
    """Where the turn through the week has come to."""

    async def look(self, before: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Return what is missing, and which of the former findings were looked at again."""
        now = instants.now()
        spans = spans_of(await self.counted.slices(now - KEPT), now)
        # What was missing is looked at again each time, so that a finding ends as soon as it is not true any more.
        first = [span for span in spans if span.begin > now - _NEWEST * MINUTE or _concerns(span, before)]
        found: list[Finding] = []
        done: list[Span] = []
        started = time.monotonic()
        for place, span in enumerate([*first, *self._turn([each for each in spans if each not in first])]):
            if place >= len(first) and time.monotonic() - started > _BUDGET_S:
                break
            found += await self._compare(span)
            done.append(span)
            if place >= len(first):
                self._after = span.begin
        return found, [each for each in before if _is_of_rows(each) and any(span.holds(each.slice) for span in done)]

    def _turn(self, spans: Sequence[Span]) -> list[Span]:
        """Return the spans in the order of the turn: it goes on where the last look ended."""
        after = self._after
        later = [span for span in spans if after is None or span.begin > after]
        return [*later, *(span for span in spans if span not in later)]

    async def _compare(self, span: Span) -> list[Finding]:
        """What was counted is read first: rows only become more, so none is missed that was just made."""
        counts = await self.counted.counts(*span)
        found: list[Finding] = []
        if counts.rows.total() > await self.counted.inbox_rows(*span):
            short = counts.rows - await self.counted.inbox_rows_by_queue(*span)
            found += [Finding(Kind.INBOX_ROW, queue, count, slice=span.begin) for queue, count in short.items()]
        gone = counts.made - await self.counted.outbox_rows(*span) if counts.made else {}
        found += [Finding(Kind.OUTBOX_ROW, "/".join(route), n, slice=span.begin) for route, n in gone.items()]
        return found


def spans_of(slices: Iterable[datetime], now: datetime) -> list[Span]:
    """Return the spans in which anything was counted: hours where they are summed, minutes since."""
    summed_before = instants.hour_of(now - SUMMED_AFTER)
    return sorted(
        {
            Span(instants.hour_of(begin), HOUR) if begin < summed_before else Span(instants.minute_of(begin), MINUTE)
            for begin in slices
        }
    )


def _is_of_rows(finding: Finding) -> bool:
    return finding.kind in (Kind.INBOX_ROW, Kind.OUTBOX_ROW)


def _concerns(span: Span, findings: Sequence[Finding]) -> bool:
    return any(_is_of_rows(each) and span.holds(each.slice) for each in findings)
