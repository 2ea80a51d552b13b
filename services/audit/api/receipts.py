"""``/v1/accesses/{index}/receipt``: what proves one access to anybody, for its reader to keep (F58)."""

import re
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from services.audit.api.asking import available, software_of
from services.audit.handlers.accesses import Desk
from services.audit.handlers.receipts import Refused, receipt_for_person, receipt_for_professional
from shared.http.gate import Door
from shared.http.identity import Principal
from shared.http.problems import Problem

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,17}")


class ReceiptOut(BaseModel):
    """What proves an access: the log's leaf, the texts that it commits to, the proof with the checkpoint."""

    leaf: str
    groups: dict[str, dict[str, str]]
    access: str | None = None
    """Who did what, as the event has its digest (``said``): what is sealed in the event itself."""
    proof: str


def receipt_doors(desk: Desk, reader: Door) -> APIRouter:
    """Return the router; ``reader`` says which patient or professional calls, and refuses whoever is neither."""
    router = APIRouter(prefix="/v1", tags=["accesses"])
    Reader = Annotated[Principal, Depends(reader)]  # noqa: N806 - a type

    @router.get("/accesses/{index}/receipt", response_model=ReceiptOut)
    async def receipt(index: str, request: Request, caller: Reader) -> Response:
        """Return what proves one access to anybody, offline: entry, proof and signed checkpoint (`carnet-verify`)."""
        place, software = _place(index), software_of(request)
        if request.query_params:
            raise Problem(400, "parameter-unknown")
        if caller.professional is not None:
            made = receipt_for_professional(caller.professional, place, desk, software=software)
        else:
            assert caller.ins is not None  # noqa: S101 - every patient's token has one
            made = receipt_for_person(caller.ins, place, desk, software=software)
        found = await available(made)
        if found is Refused.PENDING:
            raise Problem(503, found.value, headers={"retry-after": "5"})
        if isinstance(found, Refused):
            raise Problem(404, found.value)
        named = {"content-disposition": f'attachment; filename="receipt-{place}.json"', "cache-control": "no-store"}
        return Response(orjson.dumps(found), headers=named, media_type="application/json")

    return router


def _place(text: str) -> int:
    if not _INDEX.fullmatch(text):
        raise Problem(404, Refused.UNAVAILABLE)
    return int(text)
