"""``/ops/messaging``: the books of a service's flows, what is queued or unsent, and rows that were not simply done."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from shared.http.identity import Principal
from shared.messaging.books import Books
from shared.messaging.held_acts import MAX_TARGETS
from shared.messaging.topology import Flow, dead_queue

Depth = Callable[[str], Awaitable[int]]


def messaging_doors(
    books: Books, flows: Sequence[Flow], depth: Depth, *, operator: Callable[[Request], Awaitable[Principal]]
) -> APIRouter:
    """Return the router; ``operator`` says who calls."""
    router = APIRouter(prefix="/ops/messaging")
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type

    @router.get("")
    async def summary(_caller: Operator) -> dict[str, Any]:
        """Return the books of every flow, what is queued, and what is unsent."""
        return await summed(books, flows, depth)

    @router.get("/events")
    async def events(
        _caller: Operator,
        *,
        queue: Annotated[str | None, Query(max_length=100)] = None,
        state: Literal["waiting", "parked", "quarantined", "refused", "ignored"] | None = None,
        reason: Annotated[str | None, Query(max_length=100)] = None,
        fingerprint: Annotated[str | None, Query(max_length=200)] = None,
        after: Annotated[str | None, Query(max_length=400)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_TARGETS)] = 100,
    ) -> dict[str, Any]:
        """Return rows that were not simply done; ``next`` is the cursor of the following page."""
        named = {"queue": queue, "state": state, "reason": reason, "fingerprint": fingerprint}
        rows = await books.rows({name: value for name, value in named.items() if value is not None}, after, limit)
        return {"rows": rows, "next": rows[-1]["key"] if len(rows) == limit else None}

    return router


async def summed(books: Books, flows: Sequence[Flow], depth: Depth) -> dict[str, Any]:
    """Return the books of flows, what is queued of them, and what is unsent."""
    kept = await books.flows()
    for flow in flows:
        kept.setdefault(flow.queue, {"emitted": {}})
        kept[flow.queue] |= {"queued": await depth(flow.queue), "dead": await depth(dead_queue(flow))}
    return {"flows": kept, "outbox": await books.outbox()}
