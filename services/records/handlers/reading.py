"""Somebody looks into a record: decided, traced, and only then shown (F38, F39, F48, F57)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, Literal

from services.records.domain.chain import Link, Status, inherit_mask, statuses
from services.records.domain.cursor import Place, cursor_of, place_of
from services.records.domain.decision import NOTHING, Act, Item, Rule
from services.records.domain.documents import Document, as_inherited
from services.records.domain.rights import Standing
from services.records.handlers.describing import Shown, Trouble, describe, item_of, trouble_of
from services.records.handlers.visits import Caller, Denied, ReadingRoom, Visit, enter, find, tell
from shared.clock import paris_date
from shared.sealing import SealBrokenError, Sealed, open_many
from shared.sealing.contents import content_aad, unpack

Reading = Literal["document-described", "document-read"]

_AT_ONCE: Final = 64
"""Boxes that are fetched and opened together; a record with fewer documents is read in one round trip."""

_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Found:
    """A person's record, and how the caller stands with it."""

    record: str
    standing: Standing | None
    """None for the person."""


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for; None is anything (F38)."""

    limit: int
    cursor: str | None = None
    type_code: str | None = None
    class_code: str | None = None
    since: date | None = None
    until: date | None = None
    """Both days included; of the act's beginning, in Paris."""
    status: Status | None = Status.APPROVED


@dataclass(frozen=True, slots=True)
class Page:
    """Documents, the newest first, and where to go on."""

    documents: Sequence[Shown]
    next: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """One document before somebody who named it."""

    rule: Rule
    """What decides."""
    shown: Shown | None
    """None unless the rule permits."""
    named: Mapping[str, Sequence[str]]
    """What the trace says of it."""


async def find_record(caller: Caller, index: str, *, room: ReadingRoom) -> Found | Denied:
    """Return the record of whom a blind index names, to the person or to a health professional who is not blocked."""
    visit = await find(caller, index, room)
    rule = visit.rule(Act.FIND)
    await tell(visit, "record-searched", rule, room)
    return Found(visit.record, None if visit.owner else visit.standing) if rule.permits else Denied(rule)


async def list_documents(caller: Caller, record: str, search: Search, *, room: ReadingRoom) -> Page | Denied:
    """Return documents of a record, only those that the caller may know of (F33, F38).

    Raise `RefusedError` ``cursor-invalid`` for a place in another list.
    """
    visit = await enter(caller, record, room, partial(room.glances.some, documents=_AT_ONCE))
    rule = visit.rule(Act.READ)
    if not rule.permits:
        await tell(visit, "documents-listed", rule, room)
        return Denied(rule)
    page = await _page(visit, search, room)
    listed, hidden = page.documents, [each for each in page.documents if each.hidden]
    await tell(visit, "documents-listed", rule, room, documents=_ids(listed), hidden=_ids(hidden))
    return page


async def see_document(
    caller: Caller, record: str, document: str, *, action: Reading, room: ReadingRoom
) -> Shown | Denied:
    """Return one document that the caller may know of; `open_content` gives its bytes afterwards."""
    visit = await enter(caller, record, room, partial(room.glances.one, document=document))
    seen = await look_at(visit, document, Act.READ, room)
    await tell(visit, action, seen.rule, room, **seen.named)
    return seen.shown if seen.shown is not None else Denied(seen.rule)


async def look_at(visit: Visit, document: str, act: Act, room: ReadingRoom) -> Look:
    """Return what is decided on the one document that a visit read; nothing is traced here.

    It was looked for whoever asks, for the trace to say whether its person may read of it. A person who names a
    document that may not be known of is answered, and traced, as one who names none.
    """
    if not visit.glance.documents:
        return Look(visit.rule(act, NOTHING), None, _named(document))
    (found,) = visit.glance.documents
    links = [found.link, *visit.glance.links]
    (shown,) = await describe([as_inherited(found, inherit_mask(links))], statuses(links), room.vault)
    rule = visit.rule(act, item_of(visit, shown))
    hidden = shown.hidden and not visit.owner
    return Look(rule, shown if rule.permits else None, _named(document, hidden=hidden))


async def open_content(shown: Shown, *, room: ReadingRoom) -> bytes | Trouble:
    """Return a document's bytes as they were deposited, or why they cannot be had; only after the trace."""
    document = shown.document
    box = await room.contents.find(document.content)
    if box is None:
        return "damaged"
    (opened,) = await open_many(room.vault, [Sealed(box, content_aad(document.record, document.content))])
    try:
        return unpack(opened, size=document.size) if isinstance(opened, bytes) else trouble_of(opened)
    except SealBrokenError:
        return "damaged"


def _named(document: str, *, hidden: bool = False) -> Mapping[str, Sequence[str]]:
    """Return what the trace says of a document that was asked for: nothing of what is no id."""
    names = [document] if _ID.fullmatch(document) else []
    return {"documents": names, "hidden": names if hidden else []}


def _ids(documents: Iterable[Shown]) -> list[str]:
    return [each.document.id for each in documents]


async def _page(visit: Visit, search: Search, room: ReadingRoom) -> Page:
    """Return a page; one document more than asked for is looked for, to know whether there are more."""
    key, record, reader = room.index_key, visit.record, visit.caller.reader
    after = search.cursor and place_of(search.cursor, key=key, record=record, reader=reader)
    links, known = await _documents(visit, room)
    status, masked = statuses(links), inherit_mask(links)
    places = sorted((Place(each.created, each.id) for each in links), reverse=True)
    ids = [p.id for p in places if search.status in (None, status[p.id]) and (not after or p < after)]
    found: list[Shown] = []
    for at in range(0, len(ids), _AT_ONCE):
        rows = known or await room.documents.find(record, ids[at : at + _AT_ONCE])
        ordered = [as_inherited(rows[each], masked) for each in ids[at : at + _AT_ONCE] if each in rows]
        found += _visible(visit, search, await describe(ordered, status, room.vault))
        if len(found) > search.limit:
            break
    page = found[: search.limit]
    if len(found) == len(page):
        return Page(page, None)
    last = page[-1].document
    return Page(page, cursor_of(Place(last.created, last.id), key=key, record=record, reader=reader))


async def _documents(visit: Visit, room: ReadingRoom) -> tuple[Sequence[Link], Mapping[str, Document]]:
    """Return the links of all documents of a record, and the documents themselves unless they are many."""
    some = visit.glance.documents
    if len(some) < _AT_ONCE:
        return [each.link for each in some], {each.id: each for each in some}
    return await room.documents.links(visit.record), {}


def _visible(visit: Visit, search: Search, documents: Iterable[Shown]) -> list[Shown]:
    decided: dict[Item, bool] = {}  # what counts of a document is the same for most of a list

    def permits(item: Item) -> bool:
        if item not in decided:
            decided[item] = visit.rule(Act.READ, item).permits
        return decided[item]

    return [each for each in documents if _is_wanted(each, search) and permits(item_of(visit, each))]


def _is_wanted(shown: Shown, search: Search) -> bool:
    """What does not open is shown as such where nothing particular is looked for."""
    if (search.type_code, search.class_code, search.since, search.until) == (None,) * 4:
        return True
    about = shown.description
    if about is None:
        return False
    day = paris_date(about.service_start)
    return (
        search.type_code in (None, about.type.code)
        and search.class_code in (None, about.class_code)
        and (search.since is None or search.since <= day)
        and (search.until is None or day <= search.until)
    )
