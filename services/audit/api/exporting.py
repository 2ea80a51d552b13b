"""``/ops/log/openings``: the texts of the log, for whoever verifies the whole of it."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from services.audit.handlers.exporting import Archive
from shared.http.gate import Door
from shared.http.identity import Principal

MAX_PAGE: Final = 40 * 256
"""Entries of one request: each request is an entry of the log itself."""
_LAST_INDEX: Final = 2**63 - 1


def export_doors(archive: Archive, operator: Door) -> APIRouter:
    """Return the router; ``operator`` says who reads."""
    router = APIRouter(prefix="/ops/log", tags=["log"])
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type

    @router.get("/openings")
    async def openings(
        caller: Operator,
        start: Annotated[int, Query(alias="from", ge=0, le=_LAST_INDEX)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
    ) -> StreamingResponse:
        """Stream what entries say, a line of JSON each; that it was read is durable before the first byte."""
        await archive.note(caller.sub, start, limit)
        return StreamingResponse(archive.lines(start, limit), media_type="application/jsonl")

    return router
