"""``/v1/records/{record}/reimbursements``: what was reimbursed, by month."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from services.records.api.asking import Reception, answer, parameters, shown
from services.records.api.reading import READ, RECORD
from services.records.api.shapes import MonthsOut, ReimbursementsOut, care_out, months_out
from services.records.handlers.care import list_care, list_months
from services.records.handlers.visits import Caller
from shared.http.gate import Door
from shared.http.problems import Problem

_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


def care_doors(reception: Reception, *, reader: Door) -> APIRouter:
    """Return the router; ``reader`` says who calls, of whatever kind."""
    router = APIRouter(prefix="/v1/records/{record}/reimbursements", tags=["record"])
    Asking = Annotated[Caller, Depends(reception.callers(reader))]  # noqa: N806 - a type
    room = reception.room

    @router.api_route("", methods=READ, response_model=ReimbursementsOut | MonthsOut)
    async def reimbursements(record: str, request: Request, caller: Asking) -> Response:
        """List the lines of a month, or how many each month has; a line and its reversal cancel (F46)."""
        month = parameters(request, "month").get("month")
        if month is None:
            return answer(months_out(await shown(list_months(caller, record, room=room), RECORD)))
        if not _MONTH.fullmatch(month):
            raise Problem(400, "query-invalid", at="query/month")
        lines = await shown(list_care(caller, record, month, room=room), RECORD)
        return answer(ReimbursementsOut(month=month, lines=[care_out(line) for line in lines]))

    return router
