"""``/fhir/AuditEvent``: the same lists in FHIR R4, as IHE BALP shapes them (search ITI-81)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from services.audit.api.asking import limit_of, page_for, record_of, software_of
from services.audit.domain.balp import PROFESSIONAL_SYSTEM, STRUCTURE_SYSTEM, audit_event
from services.audit.handlers.accesses import Desk, Page, Wanted
from shared.clock import PARIS
from shared.http.fhir import resource
from shared.http.gate import Door
from shared.http.identity import Principal
from shared.http.problems import Problem

_PATH: Final = "/fhir/AuditEvent"
_PARAMETERS: Final = frozenset({"patient", "agent", "date", "_count", "_cursor", "_format"})
_REPEATED: Final = frozenset({"date"})
_FORMATS: Final = frozenset({"json", "application/json", "application/fhir+json"})
_SYSTEMS: Final = frozenset({"", PROFESSIONAL_SYSTEM, STRUCTURE_SYSTEM})
_NUMBER: Final = re.compile(r"[0-9AB]{9,20}(?:/[0-9A-Za-z]{1,40})?")
_DATE: Final = re.compile(
    r"(?P<prefix>eq|ge|gt|le|lt)?(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?P<time>T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?)?)?"
)
_BOUNDS: Final = 2


def fhir_doors(desk: Desk, reader: Door) -> APIRouter:
    """Return the router; ``reader`` says which patient or professional calls, and refuses whoever is neither."""
    router = APIRouter(prefix="/fhir", tags=["fhir"])
    Reader = Annotated[Principal, Depends(reader)]  # noqa: N806 - a type

    @router.get("/AuditEvent")
    async def search(request: Request, caller: Reader) -> Response:
        """Return a searchset of AuditEvent, newest first, 100 a page at most.

        ``patient`` (the opaque id), ``agent`` (a national id, its system before a bar if at all), ``date`` (when it was
        recorded; twice for a period), ``_count``. A patient is answered for the own record only. A professional gets
        the own deeds; everybody's of a patient who made him attending physician or administrator.
        """
        asked = _asked(request)
        wanted = _wanted(asked)
        own = (None, caller.professional and caller.professional.national_id)
        if caller.professional is not None and wanted.record is None and wanted.agent not in own:
            raise Problem(403, "agent-not-own")
        page = await page_for(caller, wanted, desk, software=software_of(request))
        return resource(_bundle(page, asked))

    return router


def _asked(request: Request) -> Mapping[str, Sequence[str]]:
    """Return the parameters; one that is unknown, empty, or comes twice where it may not is refused, not ignored."""
    asked: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        asked.setdefault(name, []).append(value)
    if not _PARAMETERS.issuperset(asked):
        raise Problem(400, "parameter-unknown")
    if any(len(values) > 1 for name, values in asked.items() if name not in _REPEATED):
        raise Problem(400, "parameter-unknown")
    if asked.get("_format", ["json"])[0] not in _FORMATS:
        raise Problem(400, "format-unknown")
    return asked


def _wanted(asked: Mapping[str, Sequence[str]]) -> Wanted:
    one = {name: values[0] for name, values in asked.items()}
    since, until = _period(asked.get("date", ()))
    patient = one.get("patient")
    return Wanted(
        limit=limit_of(one.get("_count")),
        cursor=one.get("_cursor"),
        since=since,
        until=until,
        record=record_of(None if patient is None else patient.removeprefix("Patient/")),
        agent=_agent(one.get("agent")),
    )


def _agent(text: str | None) -> str | None:
    if text is None:
        return None
    system, _, number = text.rpartition("|")
    if system not in _SYSTEMS or not _NUMBER.fullmatch(number):
        raise Problem(400, "agent-invalid")
    return number


def _period(dates: Sequence[str]) -> tuple[datetime | None, datetime | None]:
    """Return from when and before when something has to be recorded, the narrowest of what is asked."""
    if len(dates) > _BOUNDS:
        raise Problem(400, "parameter-unknown")
    bounds = [_interval(text) for text in dates]
    since = [begin for begin, _ in bounds if begin is not None]
    until = [end for _, end in bounds if end is not None]
    return max(since, default=None), min(until, default=None)


def _interval(text: str) -> tuple[datetime | None, datetime | None]:
    match = _DATE.fullmatch(text)
    if match is None:
        raise Problem(422, "date-invalid")
    try:
        begin, end = _span(match)
    except (ValueError, OverflowError):
        raise Problem(422, "date-invalid") from None
    return {
        "eq": (begin, end),
        "ge": (begin, None),
        "gt": (end, None),
        "le": (None, end),
        "lt": (None, begin),
    }[match["prefix"] or "eq"]


def _span(match: re.Match[str]) -> tuple[datetime, datetime]:
    """Return the year, month, day or millisecond that a date names; days are those of Paris, as in the other list."""
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    if match["time"]:
        instant = datetime.fromisoformat(f"{match['year']}-{match['month']}-{match['day']}{match['time']}")
        begin = instant.astimezone(UTC)
        return begin, begin + timedelta(milliseconds=1)
    if match["day"]:
        after = date(year, month, day) + timedelta(days=1)
    elif match["month"]:
        after = date(year + month // 12, month % 12 + 1, 1)
    else:
        after = date(year + 1, 1, 1)
    return _midnight(date(year, month, day)), _midnight(after)


def _midnight(day: date) -> datetime:
    at = datetime(day.year, day.month, day.day, tzinfo=PARIS)
    at.timestamp()  # a year that no instant can have is refused here
    return at


def _bundle(page: Page, asked: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    links = [{"relation": "self", "url": _address(asked)}]
    if page.next is not None:
        links.append({"relation": "next", "url": _address({**asked, "_cursor": [page.next]})})
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links,
        "entry": [
            {
                "fullUrl": f"urn:carnet:log:{access.index}",
                "resource": audit_event(access),
                "search": {"mode": "match"},
            }
            for access in page.accesses
        ],
    }


def _address(asked: Mapping[str, Sequence[str]]) -> str:
    query = urlencode([(name, value) for name, values in asked.items() for value in values])
    return f"{_PATH}?{query}" if query else _PATH
