"""``/v1/records``: a person's record is found, its documents are listed and read.

Whatever may not be seen is answered as what does not exist; by which rule, only the trace says.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from services.records.api.asking import Reception, answer, available, parameters, search_of, shown
from services.records.api.shapes import DocumentOut, DocumentsOut, document_out
from services.records.handlers.describing import Shown
from services.records.handlers.reading import find_record, list_documents, open_content, see_document
from services.records.handlers.visits import Caller, ReadingRoom
from shared.http.gate import Door
from shared.http.problems import Problem
from shared.identity import InsError, parse_ins

RECORD: Final = "record-unavailable"
DOCUMENT: Final = "document-unavailable"

READ: Final = ["GET", "HEAD"]
MEDIA_TYPE: Final = "text/xml"
"""Of every CDA document; its declaration says the encoding."""

_TROUBLES: Final = {"erased": (410, "document-erased"), "damaged": (409, "document-damaged")}


class NumberIn(BaseModel):
    """A person's INS, and the OID that says its kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    value: Annotated[str, Field(min_length=1, max_length=32)]
    oid: Annotated[str, Field(min_length=1, max_length=64)]


class PersonIn(BaseModel):
    """Whose record is looked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    ins: NumberIn


class RecordOut(TypedDict):
    """A record; ``authorisation`` tells a professional how the two stand, in the words of the DMP."""

    record: str
    authorisation: str | None


def reading_doors(reception: Reception, *, reader: Door) -> APIRouter:
    """Return the router; ``reader`` says who calls, of whatever kind: who may not read is denied, and traced (F54)."""
    router = APIRouter(prefix="/v1/records", tags=["record"])
    Asking = Annotated[Caller, Depends(reception.callers(reader))]  # noqa: N806 - a type
    room = reception.room

    @router.post("/search", response_model=RecordOut)
    async def search(body: PersonIn, request: Request, caller: Asking) -> Response:
        """Find the record of a person: one's own, or as a health professional who is not blocked."""
        parameters(request)
        index = _index(body, reception)
        found = await shown(find_record(caller, index, room=room), RECORD)
        return answer(RecordOut(record=found.record, authorisation=found.standing))

    @router.api_route("/{record}/documents", methods=READ, response_model=DocumentsOut)
    async def documents(record: str, request: Request, caller: Asking) -> Response:
        """List the documents that the caller may know of, the newest first."""
        page = await shown(list_documents(caller, record, search_of(request), room=room), RECORD)
        listed = [document_out(each) for each in page.documents]
        return answer(DocumentsOut(documents=listed, next=page.next))

    @router.api_route("/{record}/documents/{document}", methods=READ, response_model=DocumentOut)
    async def description(record: str, document: str, request: Request, caller: Asking) -> Response:
        """Tell what a document is; its ETag is what a change of its mask may be made dependent on."""
        parameters(request)
        seen = await shown(see_document(caller, record, document, action="document-described", room=room), DOCUMENT)
        return answer(document_out(seen), version=seen.document.version)

    @router.api_route("/{record}/documents/{document}/content", methods=READ, response_class=Response)
    async def content(record: str, document: str, request: Request, caller: Asking) -> Response:
        """Give a document as it was deposited."""
        parameters(request)
        seen = await shown(see_document(caller, record, document, action="document-read", room=room), DOCUMENT)
        return await _content(seen, request, room)

    return router


def _index(body: PersonIn, reception: Reception) -> str:
    try:
        return reception.index(parse_ins(body.ins.value, body.ins.oid, production=reception.production))
    except InsError as error:
        raise Problem(422, error.code, at="body/ins") from None


async def _content(seen: Shown, request: Request, room: ReadingRoom) -> Response:
    """Return a document's bytes; nothing is opened for a HEAD, nor for who has them already.

    Of one whose description does not open nobody can say from whom it is hidden: its bytes are not given.
    A document never changes, so whoever keeps it may ask whether it still may be read.
    """
    if seen.trouble is not None:
        raise Problem(*_TROUBLES[seen.trouble])
    headers = {
        "etag": f'"{seen.document.content}"',
        "cache-control": "private, no-cache",
        "content-disposition": f'attachment; filename="{seen.document.id}.xml"',
        "x-content-type-options": "nosniff",
    }
    if _has_it(request, seen.document.content):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "content-length": str(seen.document.size)}, media_type=MEDIA_TYPE)
    text = await available(open_content(seen, room=room))
    if isinstance(text, str):
        raise Problem(*_TROUBLES[text])
    return Response(text, headers=headers, media_type=MEDIA_TYPE)


def _has_it(request: Request, content: str) -> bool:
    """Tell whether If-None-Match names this content (RFC 9110 §13.1.2)."""
    tags = ",".join(request.headers.getlist("if-none-match")).split(",")
    return any(tag.strip().removeprefix("W/") in (f'"{content}"', "*") for tag in tags)
