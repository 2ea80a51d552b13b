"""``/v1/records``: a person says who may read and what is masked; a professional records a consent that was given."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Final, Literal, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, model_validator

from services.records.api.asking import Reception, answer, parameters, shown
from services.records.api.reading import DOCUMENT, READ, RECORD
from services.records.api.shapes import DocumentOut, RightOut, RightsOut, document_out, right_out
from services.records.domain.rights import Grant, Oversight, standing
from services.records.handlers.describing import Shown
from services.records.handlers.governing import (
    Entitled,
    Expected,
    Recorded,
    Stale,
    list_professionals,
    mask_document,
    record_right,
)
from services.records.handlers.visits import Caller
from shared.http.gate import Door
from shared.http.problems import Problem
from shared.identity import ProfessionalIdError, parse_national_id

_PROFESSIONAL: Final = "/professionals/{national_id:path}"
"""A national id may hold a slash, before a work place's own number."""
_TAG: Final = re.compile(r'"(0|[1-9][0-9]{0,9})"', re.ASCII)


class RightIn(BaseModel):
    """What is recorded of a professional."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    status: Literal["authorised", "blocked"]
    oversight: Literal["attending", "administrator", "none"] | None = None
    """Whether an authorised professional sees everything, as what; the person alone says so. Absent: as it is."""

    @model_validator(mode="after")
    def _only_who_is_authorised(self) -> Self:
        if self.status == "blocked" and self.oversight not in (None, "none"):
            raise ValueError("who is blocked oversees nothing")
        return self


class MaskIn(BaseModel):
    """Whether professionals, but for the author, do not see a document."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    masked: bool


def governing_doors(reception: Reception, *, reader: Door) -> APIRouter:
    """Return the router; ``reader`` says who calls, of whatever kind."""
    router = APIRouter(prefix="/v1/records/{record}", tags=["rights"])
    Asking = Annotated[Caller, Depends(reception.callers(reader))]  # noqa: N806 - a type
    room = reception.room

    @router.api_route("/professionals", methods=READ, response_model=RightsOut)
    async def professionals(record: str, request: Request, caller: Asking) -> Response:
        """List whom the person authorised or blocked, since when, and by whom it was recorded (F49)."""
        parameters(request)
        listed = await shown(list_professionals(caller, record, room=room), RECORD)
        return answer(RightsOut(professionals=[right_out(each) for each in listed]))

    @router.put(_PROFESSIONAL, response_model=RightOut)
    async def entitle(record: str, national_id: str, body: RightIn, request: Request, caller: Asking) -> Response:
        """Authorise or block; a professional may authorise, himself or a colleague, on the person's word (F56).

        The person alone says who is attending physician or administrator (F51).
        """
        number = _number(national_id, reception)
        change = partial(record_right, caller, record, number=number, grant=Grant(body.status), room=room)
        if body.oversight is not None:
            change = partial(change, oversight=Oversight(body.oversight))
        made: Recorded = await _done(reception, request, change, RECORD)
        stands = standing(made.right, room.clock.now(), room.valid_for)
        told = right_out(Entitled(made.right, stands, number))
        return answer(told, version=made.right.version, status=201 if made.created else 200)

    @router.delete(_PROFESSIONAL, status_code=204)
    async def withdraw(record: str, national_id: str, request: Request, caller: Asking) -> Response:
        """Withdraw an authorisation or lift a block: a new authorisation is needed after either (F49)."""
        number = _number(national_id, reception)
        change = partial(record_right, caller, record, number=number, grant=Grant.WITHDRAWN, room=room)
        await _done(reception, request, change, RECORD)
        return Response(status_code=204)

    @router.put("/documents/{document}/mask", response_model=DocumentOut)
    async def mask(record: str, document: str, body: MaskIn, request: Request, caller: Asking) -> Response:
        """Mask a document from professionals, or show it to them again (F33)."""
        change = partial(mask_document, caller, record, document=document, masked=body.masked, room=room)
        seen: Shown = await _done(reception, request, change, DOCUMENT)
        return answer(document_out(seen), version=seen.document.version)

    return router


async def _done(reception: Reception, request: Request, change: Callable[..., Awaitable[Any]], refusal: str) -> Any:
    """Return what a change answers once it is committed; raise a problem where it is denied or stale."""
    parameters(request)
    outcome = await shown(reception.perform(partial(change, expected=_expected(request))), refusal)
    if isinstance(outcome, Stale):
        raise Problem(412, "version-stale")
    return outcome


def _number(national_id: str, reception: Reception) -> str:
    try:
        return parse_national_id(national_id, production=reception.production)
    except ProfessionalIdError as error:
        raise Problem(422, error.code, at="path/national_id") from None


def _expected(request: Request) -> Expected:
    """Return what If-Match or If-None-Match demands of the version; 0 is what is not there (RFC 9110 §13.1)."""
    match, none_match = request.headers.getlist("if-match"), request.headers.getlist("if-none-match")
    if none_match == ["*"] and not match:
        return lambda version: version == 0
    if none_match or len(match) > 1:
        raise Problem(400, "precondition-invalid")
    if not match:
        return lambda _version: True
    if match == ["*"]:
        return lambda version: version > 0
    tags = [_TAG.fullmatch(tag.strip()) for tag in match[0].split(",")]
    if not all(tags):
        raise Problem(400, "precondition-invalid")
    versions = {int(tag[1]) for tag in tags if tag is not None}
    return lambda version: version in versions
