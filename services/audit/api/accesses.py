"""``/v1/accesses``: a person sees who did what with the own record (CSP R1111-43, F58)."""

import re
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.datastructures import QueryParams
from pydantic import BaseModel

from services.audit.domain.accesses import Access, State
from services.audit.domain.wording import ActorType, Group
from services.audit.handlers.accesses import Desk, Page, Wanted, list_accesses
from shared.clock import PARIS
from shared.errors import RefusedError
from shared.http.gate import Door
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.messaging.failures import Failure, classify
from shared.messaging.gathering import OverloadedError

MAX_PAGE: Final = 100

_KNOWN: Final = frozenset({"limit", "cursor", "from", "to", "group"})
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RETRY_S: Final = "5"
_MAX_SOFTWARE: Final = 200


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


class AccessesOut(BaseModel):
    """A page, newest first; ``next`` is the cursor of what follows, absent at the end."""

    accesses: list[AccessOut]
    next: str | None


def access_doors(desk: Desk, patient: Door) -> APIRouter:
    """Return the router; ``patient`` says which patient calls, and refuses whoever is none."""
    router = APIRouter(prefix="/v1", tags=["accesses"])
    Patient = Annotated[Principal, Depends(patient)]  # noqa: N806 - a type

    @router.get("/accesses")
    async def accesses(request: Request, caller: Patient, response: Response) -> AccessesOut:
        """Return who did what with the caller's own record. There is no way to ask for another's.

        ``limit`` (100 at most), ``cursor`` (a page's ``next``), ``from`` and ``to`` (days in Paris on which it was
        recorded, both included), ``group`` (GENERAL or MEDICAL_DOCUMENT).
        """
        assert caller.ins is not None  # noqa: S101 - every patient's token has one
        wanted = _wanted(request.query_params)
        try:
            page = await list_accesses(caller.ins, wanted, desk, software=_software(request))
        except RefusedError as error:
            raise Problem(400, error.code) from None
        except Exception as error:
            if not isinstance(error, OverloadedError | TimeoutError) and classify(error) is Failure.DATA:
                raise
            raise Problem(503, headers={"retry-after": _RETRY_S}) from None
        if page is None:
            raise Problem(404, "record-unavailable")
        response.headers["cache-control"] = "no-store"
        return _out(page)

    return router


def _wanted(query: QueryParams) -> Wanted:
    """Return what is asked for; a parameter that is not known, or comes twice, is refused rather than ignored."""
    names = [name for name, _ in query.multi_items()]
    if not _KNOWN.issuperset(names) or len(set(names)) < len(names):
        raise Problem(400, "parameter-unknown")
    since, until = _day(query.get("from")), _day(query.get("to"))
    return Wanted(
        limit=_limit(query.get("limit")),
        cursor=query.get("cursor"),
        since=_midnight(since),
        until=_midnight(until and _after(until)),
        group=_group(query.get("group")),
    )


def _limit(text: str | None) -> int:
    if text is None:
        return MAX_PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_PAGE):
        raise Problem(400, "limit-invalid")
    return int(text)


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


def _software(request: Request) -> str | None:
    """Return what the caller's software calls itself, cut to what a trace may hold."""
    name = request.headers.get("user-agent", "")[:_MAX_SOFTWARE]
    return name if name and name.isprintable() else None


def _out(page: Page) -> AccessesOut:
    return AccessesOut(accesses=[_line(access) for access in page.accesses], next=page.next)


def _line(access: Access) -> AccessOut:
    return AccessOut(
        index=access.index,
        at=access.at,
        recorded_at=access.recorded_at,
        state=access.state,
        group=access.group,
        action=access.action,
        description=access.description,
        outcome="permitted" if access.permitted else "denied",
        actor=None if access.who is None else ActorOut(**asdict(access.who)),
        documents=list(access.documents),
    )
