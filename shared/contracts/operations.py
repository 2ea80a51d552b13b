"""What every service publishes about its operators: each act at an /ops door leaves a trace."""

from typing import ClassVar, Literal

from shared.contracts.event import Data, Event


class OperatorActedV1Data(Data):
    """Who did what to what, and why."""

    service: str
    operator: str
    act: Literal["show", "replay", "discard", "resend", "hand-over"]
    targets: list[str]
    """Inbox keys; messages of the outbox, each behind its queue, where they were sent again; the opaque names of the
    professionals whose traces were handed over, and the period as ISO 8601 writes it."""
    reason: str | None = None
    second_operator: str | None = None
    """Who agreed to an act that destroys, or lets personal data leave."""


class OperatorActedV1(Event):
    """An operator showed, replayed or discarded messages, had them sent again, or handed traces over."""

    TYPE: ClassVar[str] = "operator.acted.v1"
    type: Literal["operator.acted.v1"] = "operator.acted.v1"
    data: OperatorActedV1Data
