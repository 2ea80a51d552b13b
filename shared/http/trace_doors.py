"""``/ops/messaging/trace``: one event's way through a service."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from shared.http.identity import Principal
from shared.messaging.tracing import OWN_SOURCES, Tracer

EventId = Annotated[str, Query(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
Source = Annotated[str, Query(max_length=64, pattern=r"^/[a-z0-9/-]+$")]

_PATH: Final = "/ops/messaging/trace"


def trace_doors(
    tracer: Tracer, service: str, sources: Sequence[str], *, operator: Callable[[Request], Awaitable[Principal]]
) -> APIRouter:
    """Return the router; ``sources`` are those of the insurers, which name their events themselves."""
    router = APIRouter()
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type

    @router.get(_PATH)
    async def trace(
        _caller: Operator,
        id: EventId,  # noqa: A002 - the word of the query
        source: Source | None = None,
        before: datetime | None = None,
    ) -> dict[str, Any]:
        """Return what this service received, published because of it, and, of its own, published under this id.

        Without ``source`` every known one is tried. ``before`` is when somebody received the event, if anybody did.
        """
        known = [source] if source else [*OWN_SOURCES, *sources]
        received = await tracer.received(id, known)
        caused: list[dict[str, Any]] = []
        beside: dict[str, int] = {}
        for each in sorted({row["source"] for row in received}):
            more, others = await tracer.caused(f"{each}|{id}", [row for row in received if row["source"] == each])
            caused += more
            beside |= others
        own = source == f"/{service}" or not (source or received)
        published = await tracer.published(id, before) if own else None
        return {"received": received, "caused": caused, "beside": beside, "published": published}

    return router
