"""What every service publishes about its operators: each act at an /ops door leaves a trace."""

from typing import ClassVar, Literal

from shared.contracts.event import Data, Event


class OperatorActedV1Data(Data):
    """Who did what to which messages, and why."""

    service: str
    operator: str
    act: Literal["show", "replay", "discard", "resend"]
    targets: list[str]
    """Inbox keys; messages of the outbox, each behind its queue, where they were sent again."""
    reason: str | None = None
    second_operator: str | None = None
    """Who agreed to an act that destroys."""


class OperatorActedV1(Event):
    """An operator showed, replayed or discarded messages, or had them sent again."""

    TYPE: ClassVar[str] = "operator.acted.v1"
    type: Literal["operator.acted.v1"] = "operator.acted.v1"
    data: OperatorActedV1Data
