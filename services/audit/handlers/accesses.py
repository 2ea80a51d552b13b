"""People and professionals read who did what; that it was read is written down first (F57 to F59)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

from services.audit.domain.cursor import cursor_of, index_of
from services.audit.domain.shown import Access, Placed, Reader
from services.audit.domain.wording import Group
from services.audit.handlers.lines import open_lines
from services.audit.handlers.proving import Prover
from services.audit.ports import AccessReader, Append, LogReader, MarkReader, OverseerReader, Vaults
from shared.clock import Clock
from shared.contracts.accesses import AccessV1, Action, ActorV1
from shared.identity import Ins, Professional, blind_index, name_of
from shared.messaging.traces import actor_of, trace_access
from shared.messaging.unit import Unit

SERVICE: Final = "audit"

MOST_LOOKED_AT: Final = 1000
"""Lines that one request looks at at most: a page of a group that is rare may be short, and goes on by its cursor.

What the person is to learn nothing of is not counted: neither a short page nor a cursor tells of it (F35).
"""

_STEP: Final = 100

_DENIALS: Final = frozenset({"record-unknown", "not-holder", "access-unavailable"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the list: ``since`` and ``until`` bound when an entry was recorded, ``until`` excluded."""

    limit: int
    cursor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    group: Group | None = None
    record: str | None = None
    """About this record only; a professional's list may hold several."""
    agent: str | None = None
    """What was done by the professional or structure of this national id only."""

    @property
    def filters(self) -> bool:
        """Whether lines are left out that were looked at."""
        return self.group is not None or self.agent is not None

    def takes(self, line: Access) -> bool:
        """Tell whether a line is wanted."""
        by = None if line.who is None else line.who.number
        return self.group in (None, line.group) and self.agent in (None, by)


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, newest first; ``next`` is the cursor of what follows, None at the end."""

    accesses: Sequence[Access]
    next: str | None
    everybody: bool = True
    """Whether it holds what everybody did, or the reader's own deeds only."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands behind the lists."""

    log: LogReader
    prover: Prover
    entries: AccessReader
    marks: MarkReader
    overseers: OverseerReader
    vaults: Vaults
    append: Append
    clock: Clock
    index_key: bytes = field(repr=False)


_Find: TypeAlias = Callable[[int | None, int], Awaitable[Sequence[Placed]]]
"""Finds entries below a place, so many at most, the newest first."""


@dataclass(frozen=True, slots=True)
class _List:
    """A list that somebody may read; ``name`` ties its cursors to it."""

    name: str
    reader: Reader
    find: _Find
    everybody: bool = True


async def list_accesses(ins: Ins, wanted: Wanted, desk: Desk, *, software: str | None = None) -> Page | None:
    """Return a page of what was done with the record of a person; None if it is not there, or not the one wanted (F58).

    Nothing is opened before the trace of this reading is durable; if it is not, whatever prevented it is raised.
    Raise `RefusedError` ``cursor-invalid`` for a cursor that was given for another list.
    """
    index = blind_index(desk.index_key, ins)
    record = (await desk.vaults.find_subjects({index})).get(index)
    rule = "record-unknown" if record is None else "holder"
    if wanted.record not in (None, record):
        record, rule = None, "not-holder"
    listed = None if record is None else _about(record, record, Reader.PERSON, wanted, desk)
    before = None if listed is None else _before(listed, wanted, desk)
    access = AccessV1(actor=ActorV1(kind="patient"), software=software)
    await trace(access, record, "accesses-listed", rule, desk)
    return None if listed is None else await _page(listed, before, wanted, desk)


async def list_traces(who: Professional, wanted: Wanted, desk: Desk, *, software: str | None = None) -> Page:
    """Return a page of what a professional did, and of what everybody did with a record that he oversees (F59).

    Raise as `list_accesses` does.
    """
    name = name_of(desk.index_key, who.national_id)
    overseer = None if wanted.record is None else await desk.overseers.of(wanted.record, name)
    oversight = None if overseer is None else overseer.standing(desk.clock.now())
    if wanted.record is not None and oversight is not None:
        listed = _about(wanted.record, f"{wanted.record}/{name}", Reader.PROFESSIONAL, wanted, desk)
    else:
        listed = _of(name, wanted, desk)
    before = _before(listed, wanted, desk)
    access = AccessV1(actor=actor_of(who), software=software)
    # That somebody looks at the own deeds is no access to the record that they were about.
    await trace(access, wanted.record if oversight else None, "accesses-listed", oversight or "own-traces", desk)
    return await _page(listed, before, wanted, desk)


async def trace(access: AccessV1, record: str | None, action: Action, rule: str, desk: Desk) -> None:
    """Return once the trace of a reading of the log is durable."""
    event = await trace_access(
        access,
        record=record,
        action=action,
        outcome="denied" if rule in _DENIALS else "permitted",
        rule=rule,
        service=SERVICE,
        time=desk.clock.now(),
        vault=desk.vaults,
        index_key=desk.index_key,
    )
    unit = Unit()
    unit.emit(event)
    await desk.append(unit)


def _about(record: str, name: str, reader: Reader, wanted: Wanted, desk: Desk) -> _List:
    async def find(before: int | None, limit: int) -> Sequence[Placed]:
        kept = await desk.entries.about(record, before=before, since=wanted.since, until=wanted.until, limit=limit)
        return [Placed(each.entry.index, each) for each in kept]

    return _List(name, reader, find)


def _of(name: str, wanted: Wanted, desk: Desk) -> _List:
    bounds = {"since": wanted.since, "until": wanted.until}

    async def find(before: int | None, limit: int) -> Sequence[Placed]:
        return await desk.marks.of(name, record=wanted.record, before=before, limit=limit, **bounds)

    return _List(f"of/{name}/{wanted.record or ''}", Reader.PROFESSIONAL, find, everybody=False)


def _before(listed: _List, wanted: Wanted, desk: Desk) -> int | None:
    if wanted.cursor is None:
        return None
    return index_of(wanted.cursor, key=desk.index_key, record=listed.name)


async def _page(listed: _List, before: int | None, wanted: Wanted, desk: Desk) -> Page:
    """Return a page; one line more than asked for is looked for, to know whether any follows."""
    page = partial(Page, everybody=listed.everybody)
    cursor = partial(cursor_of, key=desk.index_key, record=listed.name)
    found: list[tuple[int, Access]] = []
    looked, step = 0, _STEP if wanted.filters else wanted.limit + 1
    while True:
        placed = await listed.find(before, step)
        standing = {each.place: each.kept for each in placed if each.kept is not None}
        opened = await open_lines(list(standing.values()), listed.reader, desk.vaults)
        lines = [(place, line) for place, line in zip(standing, opened, strict=True) if line is not None]
        found += [(place, line) for place, line in lines if wanted.takes(line)]
        looked += len(lines)
        shown = [line for _, line in found[: wanted.limit]]
        if len(found) > wanted.limit:
            return page(shown, cursor(found[wanted.limit - 1][0]))
        if len(placed) < step:
            return page(shown, None)
        if looked >= MOST_LOOKED_AT and lines:
            return page(shown, cursor(lines[-1][0]))
        before, step = placed[-1].place, _STEP
