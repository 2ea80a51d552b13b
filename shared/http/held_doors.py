"""``/ops/messaging``: what is held, by cause, and the operator's acts on exactly what was seen of it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.http.gate import agreeing
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.messaging.books import Books
from shared.messaging.held_acts import MAX_TARGETS, Act, HeldActs
from shared.messaging.held_sets import HeldSets

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]
Keys = Annotated[list[Annotated[str, Field(max_length=400)]], Field(min_length=1, max_length=MAX_TARGETS)]
Name = Annotated[str, Field(max_length=200)]
Handle = Annotated[str, Path(pattern=r"^[0-9a-z]{4}-[0-9a-z]{4}$")]
Lock = Callable[[Request], Awaitable[Principal]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Wanted(_Strict):
    queue: Name | None = None
    state: Literal["waiting", "parked", "quarantined"] | None = None
    reason: Name | None = None
    fingerprint: Name | None = None


class _OnKeys(_Strict):
    keys: Keys
    """Inbox keys, exactly those that were seen."""
    reason: Reason | None = None


class _DiscardKeys(_OnKeys):
    reason: Reason


class _OnSet(_Strict):
    start: int = Field(default=0, ge=0)
    """Place in the set from which on it acts."""
    limit: int = Field(default=MAX_TARGETS, ge=1, le=MAX_TARGETS)
    """Rows of the set that it looks at; those that have changed since they were seen are left alone."""
    reason: Reason | None = None


class _DiscardSet(_OnSet):
    reason: Reason


def held_doors(  # noqa: C901 - a table of doors, none of them complex
    books: Books, sets: HeldSets, acts: HeldActs, *, operator: Lock, second_operator: Lock
) -> APIRouter:
    """Return the router; ``operator`` says who calls, ``second_operator`` who agrees to an act that destroys."""
    router = APIRouter(prefix="/ops/messaging")
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type
    Second = Annotated[Principal, Depends(second_operator)]  # noqa: N806 - a type

    @router.post("/sets")
    async def listed(wanted: _Wanted, caller: Operator) -> dict[str, Any]:
        """Return what is held, by cause; each group's handle names exactly the rows that this listing saw."""
        groups, complete = await sets.groups(wanted.model_dump(exclude_none=True))
        await sets.remember(groups, caller.sub)
        return {"groups": [group.described() for group in groups], "complete": complete}

    @router.get("/sets/{handle}")
    async def standing(handle: Handle, _caller: Operator) -> dict[str, Any]:
        """Return what has become of the rows of a set since they were seen."""
        return {**_told(head := await _head(handle)), "standing": await sets.standing(head)}

    @router.get("/sets/{handle}/rows")
    async def rows(
        handle: Handle,
        _caller: Operator,
        start: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_TARGETS)] = 100,
    ) -> dict[str, Any]:
        """Return the rows of a set, as they are now."""
        await _head(handle)
        return {"rows": await books.rows_of([each.key for each in await sets.part(handle, start, limit)])}

    @router.post("/sets/{handle}/replay")
    async def replay_set(handle: Handle, body: _OnSet, caller: Operator) -> dict[str, Any]:
        """Make rows of a set due at once; ``next`` is the place to go on from, none at the end."""
        return await _on_set(handle, body, Act(caller.sub, "replay", body.reason, seen_as=handle))

    @router.post("/sets/{handle}/discard")
    async def discard_set(handle: Handle, body: _DiscardSet, caller: Operator, second: Second) -> dict[str, Any]:
        """End rows of a set without effect: two operators, and a reason."""
        return await _on_set(
            handle, body, Act(caller.sub, "discard", body.reason, agreeing(second, caller), seen_as=handle)
        )

    @router.post("/show")
    async def show(body: _OnKeys, caller: Operator) -> dict[str, Any]:
        """Return one row with its history; being looked at is part of it."""
        found = await books.row(body.keys[0])
        if found is None:
            raise Problem(404)
        await acts.looked(Act(caller.sub, "show"), body.keys[0])
        return found

    @router.post("/replay")
    async def replay(body: _OnKeys, caller: Operator) -> dict[str, int]:
        """Make held rows due at once."""
        return {"replayed": await acts.on_keys(Act(caller.sub, "replay", body.reason), body.keys)}

    @router.post("/discard")
    async def discard(body: _DiscardKeys, caller: Operator, second: Second) -> dict[str, int]:
        """End held rows without effect: two operators, and a reason."""
        act = Act(caller.sub, "discard", body.reason, agreeing(second, caller))
        return {"discarded": await acts.on_keys(act, body.keys)}

    async def _head(handle: str) -> dict[str, Any]:
        head = await sets.head(handle)
        if head is None:
            raise Problem(404, "set-unknown")
        return head

    async def _on_set(handle: str, body: _OnSet, act: Act) -> dict[str, Any]:
        head = await _head(handle)
        seen = await sets.part(handle, body.start, body.limit)
        changed = await acts.on_seen(act, seen) if seen else 0
        following = body.start + len(seen)
        return {"done": changed, "looked": len(seen), "next": following if following < head["count"] else None}

    return router


def _told(head: dict[str, Any]) -> dict[str, Any]:
    names = ("queue", "state", "reason", "field", "fingerprint")
    cause = {name: value for name, value in zip(names, head["cause"], strict=True) if value is not None}
    return {**cause, "handle": head["_id"], "count": head["count"], "by": head["by"], "seen": head["seen"]}
