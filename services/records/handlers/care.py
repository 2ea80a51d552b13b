"""Somebody looks at what was reimbursed: by month, without what was cancelled, traced before it is shown (F46)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from services.records.domain.decision import Act, Item
from services.records.domain.lines import Line, first_kept_month, visible
from services.records.domain.matrix import REIMBURSEMENTS
from services.records.handlers.describing import Trouble, trouble_of
from services.records.handlers.visits import Caller, Denied, ReadingRoom, Visit, enter, tell
from shared.clock import paris_date
from shared.sealing import Opened, Sealed, aad, open_many

LINE_SCHEMA: Final = "reimbursement.v1"
"""Of the text in a line's box."""

_INTERNAL: Final = frozenset({"flux", "line", "reverses"})
"""How an insurer numbers its lines."""


@dataclass(frozen=True, slots=True)
class Care:
    """One line as a reader sees it: what was done and paid, or why its box did not open."""

    id: str
    care: Mapping[str, Any] | None
    trouble: Trouble | None = None


async def list_months(caller: Caller, record: str, *, room: ReadingRoom) -> Mapping[str, int] | Denied:
    """Return how many lines each of the last months has, the latest first."""
    lines = await _lines(caller, record, room, month=None)
    if isinstance(lines, Denied):
        return lines
    counted = Counter(line.month for line in lines)
    return {month: counted[month] for month in sorted(counted, reverse=True)}


async def list_care(caller: Caller, record: str, month: str, *, room: ReadingRoom) -> Sequence[Care] | Denied:
    """Return the lines of one month, opened."""
    lines = await _lines(caller, record, room, month=month)
    if isinstance(lines, Denied):
        return lines
    chosen = [line for line in lines if line.month == month]
    opened = await open_many(room.vault, [Sealed(each.box, aad(each.record, each.id, LINE_SCHEMA)) for each in chosen])
    return [_care(line, text) for line, text in zip(chosen, opened, strict=True)]


async def _lines(caller: Caller, record: str, room: ReadingRoom, *, month: str | None) -> Sequence[Line] | Denied:
    """Return what is to be seen of the last 24 months; a reversal may stand in another month than its line."""
    visit: Visit = await enter(caller, record, room)
    rule = visit.rule(Act.READ, Item(REIMBURSEMENTS))
    await tell(visit, "reimbursements-listed", rule, room, month=month)
    if not rule.permits:
        return Denied(rule)
    since = first_kept_month(paris_date(room.clock.now()))
    return visible(await room.lines.of_record(visit.record, since=since))


def _care(line: Line, opened: Opened) -> Care:
    if not isinstance(opened, bytes):
        return Care(line.id, None, trouble_of(opened))
    text: dict[str, Any] = orjson.loads(opened)
    return Care(line.id, {name: value for name, value in text.items() if name not in _INTERNAL})
