"""What audit publishes: that traces are in the log, told to the service whose traces they are."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Event, EventId


class AccessLoggedV1Data(Data):
    """Which traces."""

    events: Annotated[list[EventId], Field(min_length=1)]
    """Ids of ``access.traced.v1`` events of the one service that this is told to."""


class AccessLoggedV1(Event):
    """Traces are in the log. Told on an exchange of its own: an entry about entries would never end."""

    TYPE: ClassVar[str] = "access.logged.v1"
    type: Literal["access.logged.v1"] = "access.logged.v1"
    data: AccessLoggedV1Data
