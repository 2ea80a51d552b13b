"""What every service publishes about its own publishing, so that its consumers notice what never reached them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Event

Minute = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$")]
"""A minute of UTC by its beginning: ``2026-11-22T02:47``."""


class StatedV1(Data):
    """How many events of a type were committed in a minute and have been sent."""

    exchange: Annotated[str, Field(max_length=64)]
    type: Annotated[str, Field(max_length=128)]
    minute: Minute
    events: Annotated[int, Field(ge=0)]


class LedgerStatedV1Data(Data):
    """What the publishing service sent."""

    counts: Annotated[list[StatedV1], Field(min_length=1)]
    """Of every exchange and minute named, all types."""


class LedgerStatedV1(Event):
    """A service says how much it sent; an exchange of its own carries it, for the log has no entries about counts."""

    TYPE: ClassVar[str] = "ledger.stated.v1"
    type: Literal["ledger.stated.v1"] = "ledger.stated.v1"
    data: LedgerStatedV1Data
