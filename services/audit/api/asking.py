"""What the doors of the log have in common: who asks with which software, and how what cannot be done now leaves."""

import re
from collections.abc import Awaitable
from typing import Final, TypeVar

from fastapi import Request

from services.audit.handlers.accesses import Desk, Page, Wanted, list_accesses, list_traces
from shared.errors import RefusedError
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.messaging.failures import Failure, classify
from shared.messaging.gathering import OverloadedError

T = TypeVar("T")

MAX_PAGE: Final = 100

_RETRY_S: Final = "5"
_MAX_SOFTWARE: Final = 200
_RECORD: Final = re.compile(r"[0-9a-f]{32}")


async def page_for(caller: Principal, wanted: Wanted, desk: Desk, *, software: str | None) -> Page:
    """Return the page that a patient or a professional may read; raise a problem where there is none."""
    if caller.professional is not None:
        return await available(list_traces(caller.professional, wanted, desk, software=software))
    assert caller.ins is not None  # noqa: S101 - every patient's token has one
    page = await available(list_accesses(caller.ins, wanted, desk, software=software))
    if page is None:
        raise Problem(404, "record-unavailable")
    return page


async def available(work: Awaitable[T]) -> T:
    """Return what a work gives; raise a problem where it is refused, or cannot be done now."""
    try:
        return await work
    except RefusedError as error:
        raise Problem(400, error.code) from None
    except Exception as error:
        if not isinstance(error, OverloadedError | TimeoutError) and classify(error) is Failure.DATA:
            raise
        raise Problem(503, headers={"retry-after": _RETRY_S}) from None


def limit_of(text: str | None) -> int:
    """Return how much a page holds, 100 at most; raise a problem for what is no such number."""
    if text is None:
        return MAX_PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_PAGE):
        raise Problem(400, "limit-invalid")
    return int(text)


def record_of(text: str | None) -> str | None:
    """Return an opaque record id; raise a problem for what cannot be one, such as somebody's number."""
    if text is not None and not _RECORD.fullmatch(text):
        raise Problem(400, "record-invalid")
    return text


def software_of(request: Request) -> str | None:
    """Return what the caller's software calls itself, cut to what a trace may hold."""
    name = request.headers.get("user-agent", "")[:_MAX_SOFTWARE]
    return name if name and name.isprintable() else None
