"""What ingest publishes: what was accepted, sealed, and what was refused, with a stable reason."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Day, Event, Instant, RecordId, Sealed
from shared.contracts.insurers import Regime

Month = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
"""The calendar month of care, the only date of a line in clear: it decides the 24-month window."""

ContentId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class BeneficiaryAcceptedV1Data(Data):
    """Who may have a record: routing facts in clear, the person's identity in the box."""

    version: int
    insurer: str
    regime: Regime
    department: str
    dmp_created_on: Day | None = None
    ins_key_valid: bool
    """False: a test INS whose key is wrong, kept and flagged (never under a production OID)."""
    sealed: Sealed
    """Traits, address, e-mail, INS; key class ``identity``, content id = record id."""


class BeneficiaryAcceptedV1(Event):
    """A person's registration was checked; ``subject`` is the record id."""

    TYPE: ClassVar[str] = "beneficiary.accepted.v1"
    type: Literal["beneficiary.accepted.v1"] = "beneficiary.accepted.v1"
    subject: RecordId
    data: BeneficiaryAcceptedV1Data


class ReimbursementReceivedV1Data(Data):
    """One reimbursement line: its month and its links in clear, the care and the amounts in the box."""

    line_id: ContentId
    """The line's opaque id, the same for the same (source, flux, line)."""
    month: Month
    insurer: str
    reverses: ContentId | None = None
    """The line that this one cancels (F46)."""
    sealed: Sealed
    """The line as settled; key class ``reimbursement``, content id = line_id."""


class ReimbursementReceivedV1(Event):
    """A reimbursement line was checked and may enter the record ``subject``."""

    TYPE: ClassVar[str] = "reimbursement.received.v1"
    type: Literal["reimbursement.received.v1"] = "reimbursement.received.v1"
    subject: RecordId
    data: ReimbursementReceivedV1Data


class DocumentReceivedV1Data(Data):
    """A clinical document that was checked: its links in clear, what it is and says in boxes."""

    document_id: ContentId
    """A keyed hash of the producer's unique id: the same for the same document (F26)."""
    content_id: ContentId
    """Random; names the bytes in the database ``contents``, sealed as `shared.sealing.contents` has it."""
    created: Instant
    """When the document was written, as it says: it orders a chain of replacements."""
    replaces: Annotated[list[ContentId], Field(max_length=100, default_factory=list)]
    """The documents that this one replaces, which may never arrive (F30)."""
    size: Annotated[int, Field(ge=1)]
    """Bytes, as deposited."""
    depositor: ContentId
    """A keyed hash of the depositor's national id."""
    sealed: Sealed
    """Metadata and depositor; key class ``content``, content id = document_id, schema ``document.v1``."""


class DocumentReceivedV1(Event):
    """A clinical document was deposited and may enter the record ``subject``; its bytes are kept already (F25)."""

    TYPE: ClassVar[str] = "document.received.v1"
    type: Literal["document.received.v1"] = "document.received.v1"
    subject: RecordId
    data: DocumentReceivedV1Data


class RefusedData(Data):
    """Why an event from outside was refused: enough for its sender to find it, nothing of its content."""

    reason: str
    """A stable code of `shared.contracts.reasons`."""
    field: str | None = None
    """Where, as a path of field names."""
    insurer: str | None = None
    refused_id: str | None = None
    """The sender's own event id, when it was readable."""
    message_id: str | None = None
    position: int | None = None
    """The event's place in its message, from 0; None where only a rule that sees events refused it."""


class ReimbursementRefusedV1(Event):
    """A reimbursement line was refused; nothing of it is kept."""

    TYPE: ClassVar[str] = "reimbursement.refused.v1"
    type: Literal["reimbursement.refused.v1"] = "reimbursement.refused.v1"
    data: RefusedData


class BeneficiaryRefusedV1(Event):
    """A registration was refused; nothing of it is kept."""

    TYPE: ClassVar[str] = "beneficiary.refused.v1"
    type: Literal["beneficiary.refused.v1"] = "beneficiary.refused.v1"
    data: RefusedData


class MessageRefusedV1(Event):
    """A message of no known type was refused whole."""

    TYPE: ClassVar[str] = "message.refused.v1"
    type: Literal["message.refused.v1"] = "message.refused.v1"
    data: RefusedData
