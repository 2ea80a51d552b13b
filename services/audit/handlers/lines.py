"""The lines of a list: what entries say to whoever reads it; one that cannot be read hides none of the others."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson

from services.audit.domain.accesses import access_of, box_of, said_of
from services.audit.domain.entries import Kept
from services.audit.domain.shown import Access, Reader, Text, Unreadable
from services.audit.domain.wording import TRACE
from services.audit.handlers.opening import Texts, open_texts
from services.audit.ports import Vaults
from shared.contracts.accesses import SCHEMA
from shared.sealing import ERASED, Opened, Sealed, SealError, aad, open_many
from verifier.leaves import Group


async def open_lines(kept: Sequence[Kept], reader: Reader, vaults: Vaults) -> list[Access | None]:
    """Return the line of each entry; None where its person is to learn nothing of it."""
    events = [_event(texts) for texts in await open_texts(kept, vaults)]
    traces = {
        position: (_owner(each, event), *box)
        for position, (each, event) in enumerate(zip(kept, events, strict=True))
        if each.opening.type == TRACE and (box := box_of(event)) is not None
    }
    inner = await open_many(vaults, [_inner(*box) for box in traces.values()])
    held = dict(zip(traces, inner, strict=True))
    return [
        _line(each, event, held.get(position), reader)
        for position, (each, event) in enumerate(zip(kept, events, strict=True))
    ]


def _line(kept: Kept, event: Text, opened: Opened | None, reader: Reader) -> Access | None:
    text = None if opened is None else _said(opened, event)
    line = access_of(kept, event, text, reader)
    if line is None or not isinstance(opened, bytes) or isinstance(text, Unreadable | None):
        return line
    # Documents of which its person is to learn nothing stand in the text of a list (F35): then it is not disclosed.
    whole = reader is Reader.PROFESSIONAL or not text.get("hidden")
    return replace(line, text=opened.decode()) if whole else line


def _said(opened: Opened, event: Text) -> Text:
    """Return what a trace's box says; another text than the event has the digest of is damage."""
    said = said_of(event)
    if isinstance(opened, bytes) and said is not None and sha256(opened).hexdigest() != said:
        return Unreadable.DAMAGED
    return _read(opened)


def _owner(kept: Kept, event: Text) -> str:
    """Return under whose key a trace's box lies: of the record, or of the service where no record was known."""
    source = "" if isinstance(event, Unreadable) else str(event.get("source", ""))
    return kept.opening.record or source.removeprefix("/")


def _inner(owner: str, trace: str, sealed: str) -> Sealed:
    try:
        box = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        box = b""
    return Sealed(box, aad(owner, trace, SCHEMA))


def _event(texts: Texts | Unreadable) -> Text:
    return texts if isinstance(texts, Unreadable) else _read(texts[Group.DETAIL].text)


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
