"""What notifications publishes: what became of a notice."""

from typing import ClassVar, Literal

from shared.contracts.event import Data, Day, Event, RecordId
from shared.contracts.ingest import ContentId

Channel = Literal["email", "post"]


class NoticeSentV1Data(Data):
    """By which way a notice went, and the day that counts."""

    notice_id: ContentId
    channel: Channel
    sent_on: Day
    """The day of posting as the printer reported it, or of the e-mail's acceptance, in Paris."""


class NoticeSentV1(Event):
    """A notice was sent: the delay to oppose begins (F08)."""

    TYPE: ClassVar[str] = "notice.sent.v1"
    type: Literal["notice.sent.v1"] = "notice.sent.v1"
    subject: RecordId
    data: NoticeSentV1Data


class NoticeUndeliverableV1Data(Data):
    """Why a notice did not arrive."""

    notice_id: ContentId
    channel: Channel
    motive: Literal["bounced", "unknown-at-address", "access", "refused", "unclaimed", "no-address"]


class NoticeUndeliverableV1(Event):
    """A notice came back: the delay does not run, unless another notice is sent by another way (F05)."""

    TYPE: ClassVar[str] = "notice.undeliverable.v1"
    type: Literal["notice.undeliverable.v1"] = "notice.undeliverable.v1"
    subject: RecordId
    data: NoticeUndeliverableV1Data
