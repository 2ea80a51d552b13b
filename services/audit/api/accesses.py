"""``/v1/accesses``: a person sees who did what with the own record, a professional the own deeds (F58, F59)."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.datastructures import QueryParams
from pydantic import BaseModel

from services.audit.api.asking import available, limit_of, page_for, record_of, software_of
from services.audit.domain.shown import Access, State
from services.audit.domain.wording import ActorType, Group
from services.audit.handlers.accesses import Desk, Page, Wanted
from services.audit.handlers.receipts import prove_lines
from shared.clock import PARIS
from shared.http.gate import Door
from shared.http.identity import Principal
from shared.http.problems import Problem

_PATIENTS: Final = frozenset({"limit", "cursor", "from", "to", "group", "proofs"})
_PROFESSIONALS: Final = _PATIENTS | {"record"}
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ActorOut(BaseModel):
    """Who did it."""

    type: ActorType
    name: str | None = None
    number: str | None = None
    """The national id of a professional or of a structure."""
    profession: str | None = None
    organisation: str | None = None


class AccessOut(BaseModel):
    """One thing that was done, or that somebody wanted to do."""

    index: int
    """Its place in the log, for good: what a proof of it refers to."""
    at: datetime
    recorded_at: datetime
    state: State
    group: Group
    action: str
    description: str
    """In French; it goes on from the actor's name."""
    outcome: Literal["permitted", "denied"]
    actor: ActorOut | None
    documents: list[str]
    proof: str | None = None
    """That a signed, witnessed log holds it (C2SP tlog-proof), where ``proofs`` asked for it and there is one yet."""


class AccessesOut(BaseModel):
    """A page, newest first; ``next`` is the cursor of what follows, absent at the end."""

    accesses: list[AccessOut]
    next: str | None


class TraceOut(AccessOut):
    """The same as a professional reads it."""

    record: str | None
    """About whom; absent where nobody was found."""


class TracesOut(BaseModel):
    """A professional's page; ``of`` says whose deeds it holds."""

    of: Literal["everybody", "me"]
    """``everybody``: the person lets this professional see all that is done with the record."""
    accesses: list[TraceOut]
    next: str | None


def access_doors(desk: Desk, reader: Door) -> APIRouter:
    """Return the router; ``reader`` says which patient or professional calls, and refuses whoever is neither."""
    router = APIRouter(prefix="/v1", tags=["accesses"])
    Reader = Annotated[Principal, Depends(reader)]  # noqa: N806 - a type

    @router.get("/accesses")
    async def accesses(request: Request, caller: Reader, response: Response) -> AccessesOut | TracesOut:
        """Return who did what with the caller's own record; there is no way to ask for another's.

        A professional gets the own deeds, with ``record`` those about one record, or everybody's where the person made
        him attending physician or administrator of it. ``limit`` (100 at most), ``cursor`` (a page's ``next``),
        ``from`` and ``to`` (days in Paris on which it was recorded, both included), ``group`` (GENERAL or
        MEDICAL_DOCUMENT), ``proofs`` (true: each with its proof).
        """
        wanted = _wanted(request.query_params, _PATIENTS if caller.professional is None else _PROFESSIONALS)
        page = await page_for(caller, wanted, desk, software=software_of(request))
        response.headers["cache-control"] = "no-store"
        proofs = await available(prove_lines(page.accesses, desk)) if _flag(request.query_params.get("proofs")) else {}
        return _out(page, proofs) if caller.professional is None else _traces(page, proofs)

    return router


def _flag(text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise Problem(400, "proofs-invalid")
    return text == "true"


def _wanted(query: QueryParams, known: frozenset[str]) -> Wanted:
    """Return what is asked for; a parameter that is not known, or comes twice, is refused rather than ignored."""
    names = [name for name, _ in query.multi_items()]
    if not known.issuperset(names) or len(set(names)) < len(names):
        raise Problem(400, "parameter-unknown")
    since, until = _day(query.get("from")), _day(query.get("to"))
    return Wanted(
        limit=limit_of(query.get("limit")),
        cursor=query.get("cursor"),
        since=_midnight(since),
        until=_midnight(until and _after(until)),
        group=_group(query.get("group")),
        record=record_of(query.get("record")),
    )


def _group(text: str | None) -> Group | None:
    try:
        return None if text is None else Group(text)
    except ValueError:
        raise Problem(400, "group-unknown") from None


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise Problem(422, "date-invalid") from None


def _after(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise Problem(422, "date-invalid") from None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=PARIS)


def _out(page: Page, proofs: Mapping[int, str]) -> AccessesOut:
    return AccessesOut(accesses=[AccessOut(**_line(access, proofs)) for access in page.accesses], next=page.next)


def _traces(page: Page, proofs: Mapping[int, str]) -> TracesOut:
    lines = [TraceOut(**_line(access, proofs), record=access.record) for access in page.accesses]
    return TracesOut(of="everybody" if page.everybody else "me", accesses=lines, next=page.next)


def _line(access: Access, proofs: Mapping[int, str]) -> dict[str, Any]:
    return {
        "index": access.index,
        "at": access.at,
        "recorded_at": access.recorded_at,
        "state": access.state,
        "group": access.group,
        "action": access.action,
        "description": access.description,
        "outcome": "permitted" if access.permitted else "denied",
        "actor": None if access.who is None else ActorOut(**asdict(access.who)),
        "documents": list(access.documents),
        "proof": proofs.get(access.index),
    }
