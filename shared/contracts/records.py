"""What records publishes: the life of an account and the growth of a record."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Event, RecordId
from shared.contracts.ingest import Month


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
