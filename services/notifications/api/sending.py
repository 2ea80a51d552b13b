"""``/ops/notices`` and ``/ops/lots``: how far the sending is; no name, address or code leaves by these doors."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from services.notifications.domain.lot import Lot
from services.notifications.ports import LotStore, NoticeStore
from shared.http.identity import Principal

MAX_PAGE: Final = 200


class Count(BaseModel):
    """How many notices stand alike."""

    state: str
    channel: str | None
    count: int


class NoticesOut(BaseModel):
    """The notices by state and channel."""

    notices: list[Count]


class LotOut(BaseModel):
    """One lot; ``manifest`` is the SHA-256 of its manifest, hexadecimal."""

    number: str
    made_at: str
    letters: int
    state: str
    manifest: str | None
    reason: str | None


class LotsOut(BaseModel):
    """The newest lots, the newest first."""

    lots: list[LotOut]


def sending_doors(
    notices: NoticeStore, lots: LotStore, operator: Callable[[Request], Awaitable[Principal]]
) -> APIRouter:
    """Return the router; ``operator`` refuses whoever is none."""
    router = APIRouter(prefix="/ops", tags=["sending"], dependencies=[Depends(operator)])

    @router.get("/notices")
    async def census() -> NoticesOut:
        """Return how many notices there are by state and channel."""
        found = await notices.census()
        order = sorted(found.items(), key=str)
        return NoticesOut(notices=[Count(state=state, channel=way, count=count) for (state, way), count in order])

    @router.get("/lots")
    async def newest(limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50) -> LotsOut:
        """Return the newest lots."""
        return LotsOut(lots=[_out(lot) for lot in await lots.latest(limit)])

    return router


def _out(lot: Lot) -> LotOut:
    return LotOut(
        number=lot.number,
        made_at=lot.made_at.isoformat(),
        letters=lot.letters,
        state=lot.state,
        manifest=lot.manifest,
        reason=lot.reason,
    )
