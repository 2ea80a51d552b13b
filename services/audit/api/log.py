"""``/ops/log``: the log as its operators read it; no text leaves by this door."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from services.audit.domain.entries import Opening
from services.audit.ports import LogReader
from shared.http.identity import Principal
from verifier.leaves import parse_leaf

MAX_PAGE: Final = 1000
_LAST_INDEX: Final = 2**63 - 1

Index = Annotated[int, Query(ge=0, le=_LAST_INDEX)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class HeadOut(BaseModel):
    """How far the log goes; the root is hexadecimal."""

    size: int
    root: str
    epoch: int


class EntryOut(BaseModel):
    """One entry: its leaf, in base64, and what stands beside its texts until they are destroyed."""

    index: int
    event: str
    """The event's name in the log, hexadecimal."""
    recorded_at: int
    leaf: str
    type: str | None
    subject: str | None


class EntriesOut(BaseModel):
    """A page of entries in the log's order; ``next`` is the index to go on from, absent after the last page."""

    entries: list[EntryOut]
    next: int | None


def log_doors(log: LogReader, operator: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """Return the router; ``operator`` refuses whoever is none."""
    router = APIRouter(prefix="/ops/log", tags=["log"], dependencies=[Depends(operator)])

    @router.get("/head")
    async def head() -> HeadOut:
        """Return the head of the log, signed or not yet."""
        found = await log.head()
        return HeadOut(size=found.size, root=found.root.hex(), epoch=found.epoch)

    @router.get("/entries")
    async def entries(start: Annotated[Index, Query(alias="from")] = 0, limit: Limit = MAX_PAGE) -> EntriesOut:
        """Return entries from an index on."""
        leaves, openings = await asyncio.gather(log.leaves(start, limit), log.openings(start, limit))
        full = len(leaves) == limit
        found = [_out(index, leaf, openings.get(index)) for index, leaf in leaves]
        return EntriesOut(entries=found, next=leaves[-1][0] + 1 if full else None)

    return router


def _out(index: int, raw: bytes, opening: Opening | None) -> EntryOut:
    leaf = parse_leaf(raw)
    return EntryOut(
        index=index,
        event=leaf.event.hex(),
        recorded_at=leaf.recorded_at,
        leaf=b64encode(raw).decode(),
        type=opening.type if opening else None,
        subject=opening.record if opening else None,
    )
