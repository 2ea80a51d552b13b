"""``/ops/messaging/ledger``: what the ledger misses, and the steps by which an operator has it sent again."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.ledger import Minute
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.messaging.instants import minute_named
from shared.messaging.ledger.findings import Finding, Findings
from shared.messaging.ledger.repair import PAGE, NoFlowError, Repair
from shared.messaging.mongo_outbox import KEPT_FOR_S

MAX_EVENTS = 20_000
"""Events about which one question may be asked: what a page of messages holds."""

Queue = Annotated[str, Field(max_length=100)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


class _Unseen(BaseModel):
    model_config = ConfigDict(extra="forbid")

    queue: Queue
    events: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MAX_EVENTS)]
    """Of each ``source|id``."""


class _Resend(BaseModel):
    model_config = ConfigDict(extra="forbid")

    queue: Queue
    rows: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=PAGE)]
    """Messages exactly as they were seen."""
    reason: Reason | None = None


def ledger_doors(
    findings: Findings, repair: Repair, *, operator: Callable[[Request], Awaitable[Principal]]
) -> APIRouter:
    """Return the router; ``operator`` says who calls."""
    router = APIRouter(prefix="/ops/messaging/ledger")
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type

    @router.get("")
    async def standing(_caller: Operator) -> dict[str, Any]:
        """Return what is missing, the oldest first, and for how many seconds sent messages stay."""
        return {"findings": [as_json(each) for each in await findings.standing()], "kept_seconds": KEPT_FOR_S}

    @router.get("/sent")
    async def sent(
        _caller: Operator,
        queue: Annotated[str, Query(max_length=100)],
        minute: Annotated[Minute, Query()],
        after: Annotated[str | None, Query(max_length=64)] = None,
    ) -> dict[str, Any]:
        """Return what this service sent to a queue in a minute; ``next`` is the cursor of the following page."""
        rows = await _known(repair.sent(queue, minute_named(minute), after))
        return {"rows": rows, "next": rows[-1]["row"] if len(rows) == PAGE else None}

    @router.post("/unseen")
    async def unseen(body: _Unseen, _caller: Operator) -> dict[str, list[str]]:
        """Return those events that this service's queue never had."""
        return {"events": await repair.unseen(body.queue, body.events)}

    @router.post("/resend")
    async def resend(body: _Resend, caller: Operator) -> dict[str, int]:
        """Send messages again, straight to the one queue."""
        return dict(await _known(repair.resend(caller.sub, body.queue, body.rows, body.reason)))

    return router


def as_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as doors and metrics show it; ``slice`` is the beginning of the minute or hour."""
    return {
        "kind": finding.kind,
        "flow": finding.flow,
        "origin": finding.origin,
        "slice": finding.slice,
        "missing": finding.missing,
        "since": finding.since,
    }


async def _known(asked: Awaitable[Any]) -> Any:
    try:
        return await asked
    except NoFlowError:
        raise Problem(404) from None
