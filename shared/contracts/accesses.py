"""Who did what on a record, permitted or denied: published by every service that shows or changes one."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Event, RecordId, Sealed
from shared.contracts.ingest import ContentId

Action = Literal[
    "record-searched",
    "documents-listed",
    "document-described",
    "document-read",
    "document-deposited",
    "document-masked",
    "document-unmasked",
    "reimbursements-listed",
    "professionals-listed",
    "professional-authorised",
    "professional-blocked",
    "professional-withdrawn",
    "accesses-listed",
]
"""What was asked for, whether or not it was granted."""

Outcome = Literal["permitted", "denied"]

Rule = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class AccessTracedV1Data(Data):
    """What was asked and decided in clear; who asked, about what and by which way in the box (CSP R1111-43)."""

    trace_id: ContentId
    action: Action
    outcome: Outcome
    rule: Rule
    """The rule that decided: ``holder``, ``authorised``, ``no-consent``, ``blocked`` …"""
    sealed: Sealed
    """Actor, object, software; schema ``access.v1``, content id = trace_id. Key class ``audit`` of the subject, or
    ``intake`` of the publishing service where no record is known."""


class AccessTracedV1(Event):
    """Somebody asked for something of a record; committed before a byte of the answer was sent (F57)."""

    TYPE: ClassVar[str] = "access.traced.v1"
    type: Literal["access.traced.v1"] = "access.traced.v1"
    subject: RecordId | None = None
    data: AccessTracedV1Data
