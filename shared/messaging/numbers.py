"""The traces of a process are numbered without gaps, so that one that is missing shows (F57).

A number is given when a commit is built and counts once that is kept; what failed leaves its numbers to the next. So
each place in a process that commits one after the other has a row of its own: a lane of acts, one of inserts of reads.
Where nobody knows whether a commit was kept, its numbers cannot be given again: the place begins a new row, and of the
old one only what is known to be kept is stated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from uuid import uuid4

from shared.contracts.accesses import AccessTracedV1, CountedV1
from shared.messaging.unit import Emitted


@dataclass(slots=True)
class Row:
    """The numbers of one producer; ``last`` is that of its latest trace that is kept."""

    producer: str
    last: int = 0
    stated: int = 0
    """What of it was told."""
    pending: bool = False
    """Numbers were given, and nobody knows whether what has them was kept."""

    def number(self, events: Iterable[AccessTracedV1]) -> list[AccessTracedV1]:
        """Return traces with the numbers after the last one; they count once `keep` says that they are kept."""
        given = [
            event.model_copy(update={"producer": self.producer, "number": number})
            for number, event in enumerate(events, start=self.last + 1)
        ]
        self.pending = bool(given)
        return given

    def give_up(self) -> None:
        """Leave the numbers that were given last to what comes next: nothing was kept, for certain."""
        self.pending = False

    def keep(self, events: Iterable[AccessTracedV1]) -> None:
        """Count traces that are kept; the same ones again change nothing."""
        self.pending = False
        self.last = max([self.last, *(event.number or 0 for event in events)])


@dataclass(slots=True)
class Numbers:
    """The rows of one process."""

    process: str
    _rows: dict[str, list[Row]] = field(default_factory=dict)

    def row(self, place: str) -> Row:
        """Return the row that a place in the process numbers by now: a new one where the last is left in doubt."""
        rows = self._rows.setdefault(place, [])
        if not rows:
            rows.append(Row(f"{self.process}/{place}"))
        elif rows[-1].pending:
            rows[:] = [*(each for each in rows[:-1] if each.last > each.stated), rows[-1]]
            rows.append(Row(f"{self.process}/{place}.{uuid4().hex[:8]}"))
        return rows[-1]

    def news(self) -> list[CountedV1]:
        """Return how far the rows have come that went on since `told`."""
        return [
            CountedV1(producer=row.producer, last=row.last, since=row.stated)
            for rows in self._rows.values()
            for row in rows
            if row.last > row.stated
        ]

    def told(self, news: Iterable[CountedV1]) -> None:
        """Remember what was stated."""
        stated = {each.producer: each.last for each in news}
        for row in (row for rows in self._rows.values() for row in rows):
            row.stated = max(row.stated, stated.get(row.producer, 0))


@cache
def numbers_of(process: str) -> Numbers:
    """Return the numbers of a process; whoever asks for them in it gets the same."""
    return Numbers(process)


def numbered(emitted: Sequence[Emitted], row: Row) -> tuple[list[Emitted], list[AccessTracedV1]]:
    """Return what a commit emits, each trace that has no number yet with the next of a row, and these traces."""
    fresh = row.number(trace for each in emitted if (trace := _unnumbered(each)) is not None)
    following = iter(fresh)
    return [each if _unnumbered(each) is None else replace(each, event=next(following)) for each in emitted], fresh


def _unnumbered(emitted: Emitted) -> AccessTracedV1 | None:
    event = emitted.event
    return event if isinstance(event, AccessTracedV1) and event.number is None else None
