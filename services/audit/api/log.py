"""``/ops/log``: the log as its operators and its verifiers read it; no envelope leaves by this door."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from services.audit.domain.chain import Entry
from services.audit.ports import LogReader
from shared.http.identity import Principal

MAX_PAGE: Final = 1000
_LAST_INDEX: Final = 2**63 - 1

Index = Annotated[int, Query(ge=0, le=_LAST_INDEX)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class HeadOut(BaseModel):
    """How far the log goes; hashes are hexadecimal."""

    size: int
    hash: str
    epoch: int


class EntryOut(BaseModel):
    """One entry, with all that its hash covers except the hash before."""

    index: int
    key: str
    type: str
    time: str
    recorded_at: int
    subject: str | None
    commitment: str
    hash: str


class EntriesOut(BaseModel):
    """A page of entries in the log's order; ``next`` is the index to go on from, absent after the last page."""

    entries: list[EntryOut]
    next: int | None


def log_doors(log: LogReader, operator: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """Return the router; ``operator`` refuses whoever is none."""
    router = APIRouter(prefix="/ops/log", tags=["log"], dependencies=[Depends(operator)])

    @router.get("/head")
    async def head() -> HeadOut:
        """Return the head of the log: what it must end with if it is whole."""
        found = await log.head()
        return HeadOut(size=found.size, hash=found.hash.hex(), epoch=found.epoch)

    @router.get("/entries")
    async def entries(start: Annotated[Index, Query(alias="from")] = 0, limit: Limit = MAX_PAGE) -> EntriesOut:
        """Return entries from an index on."""
        found = await log.entries(start, limit)
        full = len(found) == limit
        return EntriesOut(entries=[_out(entry) for entry in found], next=found[-1].index + 1 if full else None)

    return router


def _out(entry: Entry) -> EntryOut:
    leaf = entry.leaf
    return EntryOut(
        index=entry.index,
        key=leaf.key,
        type=leaf.type,
        time=leaf.time,
        recorded_at=leaf.recorded_at,
        subject=leaf.subject,
        commitment=leaf.commitment.hex(),
        hash=entry.hash.hex(),
    )
