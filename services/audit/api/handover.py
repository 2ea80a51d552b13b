"""``/ops/log/handover``: the traces of professionals for an authority; two operators, and a line for each trace."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.audit.api.asking import available
from services.audit.handlers.accesses import Desk
from services.audit.handlers.handover import Handover, hand_over, note_handover
from shared.clock import PARIS
from shared.contracts.event import Day
from shared.http.gate import Door, agreeing
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.identity import ProfessionalIdError, parse_national_id

MOST: Final = 100
"""Professionals of one handover."""

MEDIA_TYPE: Final = "application/x-ndjson"

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


class HandoverIn(BaseModel):
    """Whose traces, recorded on which days in Paris, both included, and by what right."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    professionals: Annotated[list[Annotated[str, Field(max_length=60)]], Field(min_length=1, max_length=MOST)]
    since: Annotated[Day, Field(alias="from")]
    until: Annotated[Day, Field(alias="to")]
    reason: Reason


def handover_doors(desk: Desk, operator: Door, second_operator: Door, *, production: bool) -> APIRouter:
    """Return the router; ``operator`` says who calls, ``second_operator`` who agrees that personal data leave."""
    router = APIRouter(prefix="/ops/log", tags=["log"])
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type
    Second = Annotated[Principal, Depends(second_operator)]  # noqa: N806 - a type

    @router.post("/handover", response_class=StreamingResponse)
    async def handover(body: HandoverIn, caller: Operator, second: Second) -> StreamingResponse:
        """Return all traces of professionals for a period as JSON lines; the last line says that nothing is cut off.

        That they were handed over, by whom and why, is in the log before the first of them leaves.
        """
        agreed = agreeing(second, caller)
        wanted = Handover(
            professionals=_numbers(body.professionals, production=production),
            since=_midnight(body.since),
            until=_midnight(_after(body.until)),
            operator=caller.sub,
            second_operator=agreed,
            reason=body.reason,
        )
        if wanted.until <= wanted.since:
            raise Problem(422, "period-invalid")
        await available(note_handover(wanted, desk))
        return StreamingResponse(_lines(wanted, desk), media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})

    return router


async def _lines(wanted: Handover, desk: Desk) -> AsyncIterator[bytes]:
    async for line in hand_over(wanted, desk):
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


def _numbers(given: list[str], *, production: bool) -> list[str]:
    try:
        return list(dict.fromkeys(parse_national_id(number, production=production) for number in given))
    except ProfessionalIdError as error:
        raise Problem(422, error.code, at="body/professionals") from None


def _after(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise Problem(422, "period-invalid") from None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=PARIS)
