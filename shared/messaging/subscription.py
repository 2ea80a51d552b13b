"""One line per queue: which contract its messages hold and which handler takes them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from shared.contracts.event import Event
from shared.errors import RefusedError
from shared.messaging.delivery import Delivery, Refusal
from shared.messaging.topology import Flow
from shared.messaging.unit import Unit


class Identified(Protocol):
    """Anything that can be told apart by its source and id."""

    @property
    def source(self) -> str:
        """Who published it."""

    @property
    def id(self) -> str:
        """Its id, unique within the source."""


E = TypeVar("E", bound=Identified)
C = TypeVar("C", bound=Event)

Admit = Callable[[Any, bytes, Delivery], E]
"""Turns a parsed document (and its canonical JSON) into an event; raises `RefusedError`."""


@dataclass(frozen=True, slots=True)
class Subscription(Generic[E]):
    """A flow, how its documents become events, and the use case that takes a batch of them.

    ``refuse`` ends what could not be admitted: it is given the refusals of a batch. Without it, an event that
    breaks its contract comes from one of our own services and is parked until somebody has mended the cause.
    ``strict`` reads JSON as a message from outside (`shared.messaging.cloudevents.split`).
    ``salvage`` makes one event of a message that cannot be read as events, for whoever has to keep whatever comes.
    ``keeps`` are codes of refusals that an upgrade may mend: such an event is told to its sender like any other, and
    quarantined.
    """

    flow: Flow
    admit: Admit[E]
    handler: Callable[[Sequence[E], Unit], Awaitable[None]]
    refuse: Callable[[Sequence[Refusal], Unit], None] | None = None
    strict: bool = False
    salvage: Callable[[bytes], Any] | None = None
    keeps: frozenset[str] = frozenset()


def of_contract(contract: type[C]) -> Admit[C]:
    """Return the admission of an event that one of our own services published."""

    def admit(document: Any, _raw: bytes, _delivery: Delivery) -> C:
        try:
            return contract.model_validate(document)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            raise RefusedError("contract-violated", place) from None

    return admit
