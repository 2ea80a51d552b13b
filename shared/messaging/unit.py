"""The unit of work: what one batch will do, written down by a handler and applied in one transaction."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.contracts.event import Event
from shared.messaging import topology

Effect = Callable[[Any], Awaitable[None]]
"""A change of the service's own storage; it gets the transaction and makes database calls only (rule 3)."""


class State(StrEnum):
    """What became of an event; the inbox row says so for good."""

    DONE = "done"
    IGNORED = "ignored"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    WAITING = "waiting"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one event; ``last`` is what it turns into when waiting did not help, ``then`` what is told."""

    state: State
    reason: str | None = None
    field: str | None = None
    last: State = State.PARKED
    then: "tuple[Emitted, ...]" = ()


DONE = Outcome(State.DONE)


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event and the exchange and routing key it leaves by."""

    exchange: str
    key: str
    event: Event


@dataclass(slots=True)
class Unit:
    """Collects a batch's effects, events and outcomes; an event of which nothing is said is done.

    A handler reads what it needs, computes, seals, and only then writes down effects here. Nothing is applied
    until it returns, so a handler that raises has done nothing.
    """

    emitted: list[Emitted] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def emit(self, event: Event) -> None:
        """Publish an event to every service, once this unit is committed."""
        self.emitted.append(Emitted(topology.EVENTS, event.type, event))

    def tell(self, insurer: str, event: Event) -> None:
        """Publish an event to one insurer's feedback queue, once this unit is committed."""
        self.emitted.append(Emitted(topology.FEEDBACK, insurer, event))

    def confirm(self, event: Event) -> None:
        """Publish an event beside the log, once this unit is committed; for audit alone (see `topology.LOGGED`)."""
        self.emitted.append(Emitted(topology.LOGGED, event.type, event))

    def apply(self, effect: Effect) -> None:
        """Add a change to the transaction; effects run in the order they were added."""
        self.effects.append(effect)

    def ignore(self, event: Event, reason: str) -> None:
        """End an event without effect, as the rules want it."""
        self.outcomes[id(event)] = Outcome(State.IGNORED, reason)

    def refuse(self, event: Event, code: str, field: str | None = None) -> None:
        """End an event because it broke a rule; only a row with the code remains."""
        self.outcomes[id(event)] = Outcome(State.REFUSED, code, field)

    def quarantine(self, event: Event, code: str) -> None:
        """Keep an event aside, sealed, for a person to decide."""
        self.outcomes[id(event)] = Outcome(State.QUARANTINED, code)

    def wait(self, event: Event, reason: str, *, last: State = State.PARKED, then: Iterable[Emitted] = ()) -> None:
        """Try an event again later: something it needs has not arrived yet (rules 2 and 11).

        When the last attempt is over it becomes ``last``, and ``then`` is published in the same commit.
        """
        self.outcomes[id(event)] = Outcome(State.WAITING, reason, last=last, then=tuple(then))

    def outcome_of(self, event: Event) -> Outcome:
        """Return what was said of an event."""
        return self.outcomes.get(id(event), DONE)
