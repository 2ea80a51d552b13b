"""What records publishes: the life of an account and the growth of a record."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Event, Instant, RecordId, Sealed
from shared.contracts.ingest import ContentId, Month


class AccountOpenedV1Data(Data):
    """How a record came to be open."""

    cause: Literal["legacy-dmp", "deadline", "activation", "reopening"]
    version: int
    """The account's version after the opening."""


class AccountOpenedV1(Event):
    """A person's record is open: it may be fed and read."""

    TYPE: ClassVar[str] = "account.opened.v1"
    type: Literal["account.opened.v1"] = "account.opened.v1"
    subject: RecordId
    data: AccountOpenedV1Data


class RecordUpdatedV1Data(Data):
    """What one commit added to one record."""

    lines: Annotated[int, Field(ge=0)]
    reversals: Annotated[int, Field(ge=0)] = 0
    months: list[Month]


class RecordUpdatedV1(Event):
    """A record grew; one event per record and commit."""

    TYPE: ClassVar[str] = "record.updated.v1"
    type: Literal["record.updated.v1"] = "record.updated.v1"
    subject: RecordId
    data: RecordUpdatedV1Data


class AccountOpposedV1Data(Data):
    """By which way a person opposed."""

    channel: Literal["online", "phone", "post"]
    version: int
    """The account's version after the opposition."""


class AccountOpposedV1(Event):
    """A person does not want a record, and has none from now on (CSP L1111-14, F11)."""

    TYPE: ClassVar[str] = "account.opposed.v1"
    type: Literal["account.opposed.v1"] = "account.opposed.v1"
    subject: RecordId
    data: AccountOpposedV1Data


class AccountClosedV1Data(Data):
    """Why a record was closed."""

    cause: Literal["confirmed-opposition", "closure", "ex-officio-closure", "death"]
    version: int
    """The account's version after the closure."""


class AccountClosedV1(Event):
    """A record is closed: it is neither fed nor read any more, and archived for ten years (CSP L1111-18, F13)."""

    TYPE: ClassVar[str] = "account.closed.v1"
    type: Literal["account.closed.v1"] = "account.closed.v1"
    subject: RecordId
    data: AccountClosedV1Data


class OversightChangedV1Data(Data):
    """Which professional, and as what."""

    professional: ContentId
    """The opaque name (`shared.identity.name_of`)."""
    oversight: Literal["attending", "administrator"] | None = None
    """The attending physician, or whom the person gave the same rights (CSP R1111-43); None: neither any more."""
    until: Instant | None = None
    """When the authorisation that it stands on ends."""
    version: Annotated[int, Field(ge=1)]
    """Of the right that says so: the highest counts."""


class OversightChangedV1(Event):
    """A person lets a professional see everything that is done with the record, or does not any more (F51, F59)."""

    TYPE: ClassVar[str] = "oversight.changed.v1"
    type: Literal["oversight.changed.v1"] = "oversight.changed.v1"
    subject: RecordId
    data: OversightChangedV1Data


class DocumentStoredV1Data(Data):
    """Which document."""

    document_id: ContentId


class DocumentStoredV1(Event):
    """A document is in the record: whoever may read it finds it from now on (F25)."""

    TYPE: ClassVar[str] = "document.stored.v1"
    type: Literal["document.stored.v1"] = "document.stored.v1"
    subject: RecordId
    data: DocumentStoredV1Data


class DocumentRefusedV1Data(Data):
    """Which document, and why."""

    document_id: ContentId
    reason: str
    """A stable code of `shared.contracts.reasons`."""


class DocumentRefusedV1(Event):
    """A document did not enter the record: its person opposed, closed or never had one when it arrived (F13)."""

    TYPE: ClassVar[str] = "document.refused.v1"
    type: Literal["document.refused.v1"] = "document.refused.v1"
    subject: RecordId
    data: DocumentRefusedV1Data


class NoticeRequestedV1Data(Data):
    """A notice to be sent; who to and by which way is for notifications to know."""

    notice_id: ContentId
    aim: Literal["opening", "code", "opening-failed"] = "opening"
    """What it tells: that a record will be opened, another code, that the opening failed and is tried again (F18)."""
    sealed: Sealed
    """The code that the notice carries; key class ``identity``, content id = notice_id, schema ``notice.v1``."""


class NoticeRequestedV1(Event):
    """A person is to be told that a record will be opened, and how to oppose (CSP R1111-28, F05)."""

    TYPE: ClassVar[str] = "notice.requested.v1"
    type: Literal["notice.requested.v1"] = "notice.requested.v1"
    subject: RecordId
    data: NoticeRequestedV1Data


class HistoryRequestedV1Data(Data):
    """Which person, in the insurer's own words: no number of anybody stands here."""

    registration: str
    """The insurer's event that registered the person, as ``source|id``."""
    from_month: Month


class HistoryRequestedV1(Event):
    """A record was opened: its insurer is asked for the reimbursements of 24 months; told to that insurer only.

    The insurer publishes them as lines of another flux. Asked again, it sends a line under the same id, in the same
    words: a record that is opened twice gets no line twice.
    """

    TYPE: ClassVar[str] = "history.requested.v1"
    type: Literal["history.requested.v1"] = "history.requested.v1"
    data: HistoryRequestedV1Data
