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
    "oversight-given",
    "oversight-withdrawn",
    "proof-read",
    "accesses-listed",
    "access-proved",
]
"""What was asked for, whether or not it was granted."""

Outcome = Literal["permitted", "denied"]

SCHEMA: Final = "access.v1"
"""Of the text in the box: `AccessV1` as JSON."""

Producer = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._/-]+$")]
"""One row of numbers: a running process and a place in it, e.g. ``records.host.4711.0a1b2c3d/reads``."""

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
    salt: str | None = None
    """Random, so that the digest of this text (``said``) tells nobody anything."""


class AccessTracedV1Data(Data):
    """What was asked and decided in clear; who asked, about what and by which way in the box (CSP R1111-43)."""

    trace_id: ContentId
    action: Action
    outcome: Outcome
    rule: Rule
    """The rule that decided: ``holder``, ``authorised``, ``no-consent``, ``blocked`` …"""
    said: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the text in the box, in hexadecimal: whoever is shown the text can check it, without any key."""
    sealed: Sealed
    """Actor, object, software; schema ``access.v1``, content id = trace_id. Key class ``audit`` of the subject, or
    ``intake`` of the publishing service where no record is known."""


class AccessTracedV1(Event):
    """Somebody asked for something of a record; committed before a byte of the answer was sent (F57)."""

    TYPE: ClassVar[str] = "access.traced.v1"
    type: Literal["access.traced.v1"] = "access.traced.v1"
    subject: RecordId | None = None
    actor: ContentId | None = None
    """The opaque name of the professional or structure who asked (`shared.identity.name_of`): finds whose traces."""
    producer: Producer | None = None
    """The process, and its place in it, that numbers this trace without gaps: what is missing shows."""
    number: Annotated[int, Field(ge=1)] | None = None
    """Its number among those of ``producer``, from 1 on."""
    data: AccessTracedV1Data


class CountedV1(Data):
    """How far one producer has come."""

    producer: Producer
    last: Annotated[int, Field(ge=1)]
    """The number of its latest trace that is kept: there is one of every number up to this."""
    since: Annotated[int, Field(ge=0)] = 0
    """What was stated before."""


class AccessCountedV1Data(Data):
    """What one process states of the traces it left."""

    producers: Annotated[list[CountedV1], Field(min_length=1)]


class AccessCountedV1(Event):
    """A process states how many traces it left: without it, a missing last one would not show."""

    TYPE: ClassVar[str] = "access.counted.v1"
    type: Literal["access.counted.v1"] = "access.counted.v1"
    data: AccessCountedV1Data
