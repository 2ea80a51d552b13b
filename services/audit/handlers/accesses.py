"""A person reads who did what with the own record; that it was read is written down first (F57, F58)."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from services.audit.domain.accesses import Access, Text, Unreadable, access_of, box_of
from services.audit.domain.cursor import cursor_of, index_of
from services.audit.domain.entries import Kept
from services.audit.domain.wording import TRACE, Group
from services.audit.handlers.opening import Texts, open_texts
from services.audit.ports import AccessReader, Append, Vaults
from shared.clock import Clock
from shared.contracts.accesses import SCHEMA, AccessV1, ActorV1, Outcome
from shared.identity import Ins, blind_index
from shared.messaging.traces import trace_access
from shared.messaging.unit import Unit
from shared.sealing import ERASED, Opened, Sealed, SealError, aad, open_many
from verifier import leaves

SERVICE: Final = "audit"

MOST_LOOKED_AT: Final = 1000
"""Lines that one request looks at at most: a page of a group that is rare may be short, and goes on by its cursor.

What the person is to learn nothing of is not counted: neither a short page nor a cursor tells of it (F35).
"""

_STEP: Final = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the list: ``since`` and ``until`` bound when an entry was recorded, ``until`` excluded."""

    limit: int
    cursor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, newest first; ``next`` is the cursor of what follows, None at the end."""

    accesses: Sequence[Access]
    next: str | None


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands behind a person's list."""

    entries: AccessReader
    vaults: Vaults
    append: Append
    clock: Clock
    index_key: bytes = field(repr=False)


async def list_accesses(ins: Ins, wanted: Wanted, desk: Desk, *, software: str | None = None) -> Page | None:
    """Return a page of what was done with the record of a person; None if there is none of that number.

    Nothing is opened before the trace of this reading is durable; if it is not, whatever prevented it is raised.
    Raise `RefusedError` ``cursor-invalid`` for a cursor that was given for another record.
    """
    index = blind_index(desk.index_key, ins)
    record = (await desk.vaults.find_subjects({index})).get(index)
    before = None
    if record is not None and wanted.cursor is not None:
        before = index_of(wanted.cursor, key=desk.index_key, record=record)
    await _trace(record, desk, software)
    return None if record is None else await _page(record, before, wanted, desk)


async def _trace(record: str | None, desk: Desk, software: str | None) -> None:
    outcome: Outcome = "denied" if record is None else "permitted"
    event = await trace_access(
        AccessV1(actor=ActorV1(kind="patient"), software=software),
        record=record,
        action="accesses-listed",
        outcome=outcome,
        rule="record-unknown" if record is None else "holder",
        service=SERVICE,
        time=desk.clock.now(),
        vault=desk.vaults,
    )
    unit = Unit()
    unit.emit(event)
    await desk.append(unit)


async def _page(record: str, before: int | None, wanted: Wanted, desk: Desk) -> Page:
    """Return a page; one line more than asked for is looked for, to know whether any follows."""
    found: list[Access] = []
    looked, step = 0, wanted.limit + 1 if wanted.group is None else _STEP
    while True:
        kept = await desk.entries.about(record, before=before, since=wanted.since, until=wanted.until, limit=step)
        lines = await _opened(record, kept, desk)
        found += [line for line in lines if wanted.group in (None, line.group)]
        looked += len(lines)
        if len(found) > wanted.limit:
            return Page(found[: wanted.limit], _cursor(found[wanted.limit - 1], record, desk))
        if len(kept) < step:
            return Page(found, None)
        if looked >= MOST_LOOKED_AT and lines:
            return Page(found, _cursor(lines[-1], record, desk))
        before, step = kept[-1].entry.index, _STEP


def _cursor(last: Access, record: str, desk: Desk) -> str:
    return cursor_of(last.index, key=desk.index_key, record=record)


async def _opened(record: str, kept: Sequence[Kept], desk: Desk) -> list[Access]:
    """Return the lines of entries; one that cannot be read hides none of the others.

    An entry without a line is one of which its person is to learn nothing.
    """
    events = [_event(texts) for texts in await open_texts(kept, desk.vaults)]
    traces = {
        position: box
        for position, (each, event) in enumerate(zip(kept, events, strict=True))
        if each.opening.type == TRACE and (box := box_of(event)) is not None
    }
    inner = await open_many(desk.vaults, [_inner(record, *box) for box in traces.values()])
    held = {position: _read(opened) for position, opened in zip(traces, inner, strict=True)}
    lines = [
        access_of(each, event, held.get(position))
        for position, (each, event) in enumerate(zip(kept, events, strict=True))
    ]
    return [line for line in lines if line is not None]


def _inner(record: str, trace: str, sealed: str) -> Sealed:
    try:
        box = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        box = b""
    return Sealed(box, aad(record, trace, SCHEMA))


def _event(texts: Texts | Unreadable) -> Text:
    return texts if isinstance(texts, Unreadable) else _read(texts[leaves.Group.DETAIL].text)


def _read(opened: Opened) -> Text:
    if opened is ERASED:
        return Unreadable.ERASED
    if isinstance(opened, SealError):
        return Unreadable.DAMAGED
    try:
        document: Any = orjson.loads(opened)
    except orjson.JSONDecodeError:
        return Unreadable.DAMAGED
    return document if isinstance(document, dict) else Unreadable.DAMAGED
