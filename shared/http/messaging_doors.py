"""``/ops/messaging``: what waits, is parked, refused or unsent, and the operator's acts on it."""

import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.messaging.books import MAX_TARGETS, Act, Books
from shared.messaging.topology import Flow, dead_queue

Depth = Callable[[str], Awaitable[int]]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]
Keys = Annotated[list[Annotated[str, Field(max_length=400)]], Field(min_length=1, max_length=MAX_TARGETS)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: Keys
    """Inbox keys, exactly those that were seen."""
    reason: Reason | None = None


class _Discard(_Body):
    reason: Reason


def messaging_doors(  # noqa: C901 - a table of doors, none of them complex
    books: Books,
    flows: Sequence[Flow],
    depth: Depth,
    *,
    operator: Callable[[Request], Awaitable[Principal]],
    second_operator: Callable[[Request], Awaitable[Principal]],
) -> APIRouter:
    """Return the router; ``operator`` says who calls, ``second_operator`` who agrees to an act that destroys."""
    router = APIRouter(prefix="/ops/messaging")
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type
    Second = Annotated[Principal, Depends(second_operator)]  # noqa: N806 - a type

    @router.get("")
    async def summary(_caller: Operator) -> dict[str, Any]:
        """Return the books of every flow, what is queued, and what is unsent."""
        kept = await books.flows()
        for flow in flows:
            kept.setdefault(flow.queue, {"emitted": {}})
            kept[flow.queue] |= {"queued": await depth(flow.queue), "dead": await depth(dead_queue(flow))}
        return {"flows": kept, "outbox": await books.outbox()}

    @router.get("/events")
    async def events(
        _caller: Operator,
        queue: Annotated[str | None, Query(max_length=100)] = None,
        state: Literal["waiting", "parked", "quarantined", "refused", "ignored"] | None = None,
        reason: Annotated[str | None, Query(max_length=100)] = None,
        after: Annotated[str | None, Query(max_length=400)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_TARGETS)] = 100,
    ) -> dict[str, Any]:
        """Return rows that were not simply done; ``next`` is the cursor of the following page."""
        named = {"queue": queue, "state": state, "reason": reason}
        rows = await books.rows({name: value for name, value in named.items() if value is not None}, after, limit)
        return {"rows": rows, "next": rows[-1]["key"] if len(rows) == limit else None}

    @router.post("/show")
    async def show(body: _Body, caller: Operator) -> dict[str, Any]:
        """Return one row with its history; being looked at is part of it."""
        found = await books.show(Act(caller.sub, "show", body.keys[:1]))
        if found is None:
            raise Problem(404)
        return found

    @router.post("/replay")
    async def replay(body: _Body, caller: Operator) -> dict[str, int]:
        """Make held rows due at once."""
        return {"replayed": await books.replay(Act(caller.sub, "replay", body.keys, body.reason))}

    @router.post("/discard")
    async def discard(body: _Discard, caller: Operator, second: Second) -> dict[str, int]:
        """End held rows without effect: two operators, and a reason."""
        if _person(second) == _person(caller):
            raise Problem(403, "second-operator-same")
        act = Act(caller.sub, "discard", body.keys, body.reason, second.sub)
        return {"discarded": await books.discard(act)}

    return router


def _person(principal: Principal) -> str:
    """Two spellings of one name are one person: an issuer may pass on what somebody typed."""
    return "".join(unicodedata.normalize("NFKC", principal.sub).casefold().split())
