"""``/ops/log/producers``: whose traces the log holds without a gap, and which numbers are missing."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from services.audit.domain.series import Series
from services.audit.ports import SeriesStore
from shared.http.identity import Principal

MAX_PAGE: Final = 1000

After = Annotated[str | None, Query(max_length=200, pattern=r"^[A-Za-z0-9._/-]+$")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class GapOut(BaseModel):
    """Numbers that were given and are not in the log, both ends included, and when that was noticed."""

    first: int
    last: int
    since: datetime


class ProducerOut(BaseModel):
    """A process and a place in it, and how far its numbers are known to go."""

    producer: str
    top: int
    gaps: list[GapOut]


class ProducersOut(BaseModel):
    """A page, by name; ``next`` is the name to go on after, absent at the end."""

    producers: list[ProducerOut]
    next: str | None


def completeness_doors(series: SeriesStore, operator: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """Return the router; ``operator`` refuses whoever is none."""
    router = APIRouter(prefix="/ops/log", tags=["log"], dependencies=[Depends(operator)])

    @router.get("/producers")
    async def producers(after: After = None, limit: Limit = MAX_PAGE, *, gaps: bool = False) -> ProducersOut:
        """Return what is known of each producer; ``gaps``: only those of whose traces some are missing."""
        found = await series.all(after, limit, gaps=gaps)
        following = found[-1][0] if len(found) == limit else None
        return ProducersOut(producers=[_out(name, known) for name, known in found], next=following)

    return router


def _out(producer: str, series: Series) -> ProducerOut:
    gaps = [GapOut(first=gap.first, last=gap.last, since=gap.since) for gap in series.gaps]
    return ProducerOut(producer=producer, top=series.top, gaps=gaps)
