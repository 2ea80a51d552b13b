"""What the doors of a record answer: plain data, nothing that only this service understands.

Typed dictionaries, not models: a list makes eighty of these, and a model takes ten times as long to be made.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from services.records.domain.documents import Coded, Hiding
from services.records.domain.rights import Grant, Oversight
from services.records.handlers.care import Care
from services.records.handlers.describing import Shown
from services.records.handlers.governing import Entitled

State = Literal["readable", "erased", "damaged"]


class CodeOut(TypedDict):
    """A code of a system (an OID), with its label."""

    code: str
    system: str
    label: str | None


class AuthorOut(TypedDict):
    """Who wrote a document."""

    name: str | None
    number: str | None
    organisation: str | None


class AboutOut(TypedDict):
    """What a document is."""

    type: CodeOut
    class_code: str
    title: str
    format: str
    authors: list[AuthorOut]
    service_start: datetime
    service_stop: datetime | None
    confidentiality: list[str]
    """A level and what is hidden from whom (JDV_J08), as it stands now."""
    media_type: str | None
    """Of the file that it wraps."""
    language: str
    sha256: str


class DocumentOut(TypedDict):
    """A document; ``about`` is missing where its key was destroyed or its box is damaged."""

    id: str
    status: Literal["approved", "deprecated"]
    created: datetime
    size: int
    masked: bool
    replaces: list[str]
    version: int
    state: State
    about: AboutOut | None


class DocumentsOut(TypedDict):
    """A page of documents, the newest first; ``next`` is the cursor of the following one."""

    documents: list[DocumentOut]
    next: str | None


class MonthOut(TypedDict):
    """How many lines a month has."""

    month: str
    lines: int


class MonthsOut(TypedDict):
    """The months that have lines, the latest first."""

    months: list[MonthOut]


class CareOut(TypedDict):
    """One line of care, in the words of `reimbursement.settled.v1`; amounts in cents."""

    id: str
    state: State
    care: Mapping[str, Any] | None


class ReimbursementsOut(TypedDict):
    """The lines of a month."""

    month: str
    lines: list[CareOut]


class RightOut(TypedDict):
    """What is recorded of a professional; ``standing`` in the words of the DMP."""

    professional: str | None
    status: Grant
    since: datetime
    standing: Literal["NON_EXISTE", "INTERDIT", "EXPIRE", "VALIDE"]
    oversight: Oversight
    recorded_by: Literal["holder", "professional"]
    name: str | None
    organisation: str | None
    version: int
    state: State


class RightsOut(TypedDict):
    """Whom a person authorised or blocked, the latest first."""

    professionals: list[RightOut]


def document_out(shown: Shown) -> DocumentOut:
    """Return a document as it is answered."""
    document = shown.document
    return DocumentOut(
        id=document.id,
        status=shown.status.value,
        created=document.created,
        size=document.size,
        masked=shown.masked,
        replaces=list(document.replaces),
        version=document.version,
        state=shown.trouble or "readable",
        about=_about(shown),
    )


def care_out(care: Care) -> CareOut:
    """Return a line as it is answered."""
    return CareOut(id=care.id, state=care.trouble or "readable", care=care.care)


def right_out(entitled: Entitled) -> RightOut:
    """Return a right as it is answered."""
    right = entitled.right
    return RightOut(
        professional=entitled.number,
        status=right.grant,
        since=right.since,
        standing=entitled.standing.value,
        oversight=right.oversight,
        recorded_by=right.by.value,
        name=entitled.name,
        organisation=entitled.organisation,
        version=right.version,
        state=entitled.trouble or "readable",
    )


def months_out(months: Mapping[str, int]) -> MonthsOut:
    """Return months as they are answered."""
    return MonthsOut(months=[MonthOut(month=month, lines=lines) for month, lines in months.items()])


def _about(shown: Shown) -> AboutOut | None:
    about = shown.description
    if about is None:
        return None
    authors = [AuthorOut(name=each.name, number=each.number, organisation=each.organisation) for each in about.authors]
    return AboutOut(
        type=_code(about.type),
        class_code=about.class_code,
        title=about.title,
        format=about.format_code,
        authors=authors,
        service_start=about.service_start,
        service_stop=about.service_stop,
        confidentiality=[about.level, *_hidings(shown, about.hidings)],
        media_type=about.media_type,
        language=about.language,
        sha256=about.sha256,
    )


def _hidings(shown: Shown, deposited: frozenset[Hiding]) -> Sequence[str]:
    masked = {Hiding.FROM_PROFESSIONALS} if shown.masked else set()
    return sorted((deposited - {Hiding.FROM_PROFESSIONALS}) | masked)


def _code(coded: Coded) -> CodeOut:
    return CodeOut(code=coded.code, system=coded.system, label=coded.label)
