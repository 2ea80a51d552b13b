"""Who did what on a record, permitted or denied: published by every service that shows or changes one."""

from typing import Annotated, ClassVar, Final, Literal

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
    "proof-read",
    "accesses-listed",
]
"""What was asked for, whether or not it was granted."""

Outcome = Literal["permitted", "denied"]

SCHEMA: Final = "access.v1"
"""Of the text in the box: `AccessV1` as JSON."""

Rule = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class ActorV1(Data):
    """Who asked, as the token and its issuer said."""

    kind: Literal["patient", "professional", "machine", "operator", "phone-agent"]
    number: str | None = None
    """The national id of a professional or of a structure, else the token's subject; a person before the own record
    has none."""
    name: str | None = None
    profession: str | None = None
    organisation_id: str | None = None
    organisation: str | None = None


class AccessV1(Data):
    """What the box of a trace holds: who, about what, by which way."""

    actor: ActorV1
    documents: list[ContentId] = Field(default_factory=list)
    """Those asked for by name, or those that a list showed."""
    hidden: list[ContentId] = Field(default_factory=list)
    """Those of ``documents`` of which the person is to learn nothing, not even that they are there (F35)."""
    professional: str | None = None
    """The national id of whose right was recorded, changed or withdrawn."""
    month: str | None = None
    """Of the reimbursements that were shown."""
    mode: Literal["normal"] = "normal"
    software: str | None = None
    """What the caller's software calls itself."""


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
