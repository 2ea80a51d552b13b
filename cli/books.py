"""The one law as arithmetic: what was published is what became of it, per flow, from the doors' own counts.

published = applied + ignored + refused + quarantined + parked + in flight. Its unit is the event: a further copy of one
is none, and only shown (decision 0011). Nothing here is computed as a difference: every number was counted by somebody
who saw the events.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from shared.contracts.records import HistoryRequestedV1
from shared.messaging.topology import EVENTS, FEEDBACK, FLOWS, LEDGER, LOGGED, UPSTREAM, Flow

Summary: TypeAlias = Mapping[str, Any]
"""What a service's ``/ops/messaging`` answers."""

Summaries: TypeAlias = Mapping[str, Summary]
"""By service."""

HELD: Final = ("waiting", "parked", "quarantined")
"""States in which an event may still be processed."""

_FLOWS: Final = [flow for flow in FLOWS if flow.exchange != LEDGER]
"""What the books are about: services' statements about them have none to balance."""

_STATES: Final = ("done", "duplicate", "ignored", "refused", "quarantined", "parked", "waiting")
_EVERYTHING: Final = "#"
_BESIDE: Final = {flow.queue for flow in FLOWS if flow.exchange == LEDGER}


class Count(NamedTuple):
    """An end and how many events came to it; the reason is None where none is given."""

    queue: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class FlowBooks:
    """A flow's books. ``in_flight``: events that wait, and messages that are queued or were given up by the broker."""

    queue: str
    published: int
    applied: int
    ignored: int
    refused: int
    quarantined: int
    parked: int
    in_flight: int
    duplicate: int
    """Further copies that an insurer sent, as well as can be told; no part of the law."""

    @property
    def accounted(self) -> int:
        """Everything of which we know where it is."""
        ended = self.applied + self.ignored + self.refused
        return ended + self.quarantined + self.parked + self.in_flight

    @property
    def balanced(self) -> bool:
        """The law."""
        return self.published == self.accounted


def all_books(summaries: Summaries, confirmed: Mapping[str, int]) -> list[FlowBooks]:
    """Return the books of every flow; ``confirmed``: events that the broker confirmed to insurers, by routing key."""
    emitted = emitted_events(summaries)
    beside = _emitted(summaries, LOGGED)
    return [
        _books(flow, summaries, _published(flow, beside if flow.exchange == LOGGED else emitted, confirmed))
        for flow in _FLOWS
    ]


def emitted_events(summaries: Summaries) -> Counter[str]:
    """Return how many events of each type the services published to one another."""
    return _emitted(summaries, EVENTS)


def answers_sent(summaries: Summaries) -> int:
    """Return how many refusals were sent back to insurers."""
    return sum(count for name, count in _emitted(summaries, FEEDBACK).items() if name.endswith(".refused.v1"))


def histories_asked(summaries: Summaries) -> int:
    """Return how many histories insurers were asked for."""
    return _emitted(summaries, FEEDBACK)[HistoryRequestedV1.TYPE]


def ends(summaries: Summaries, queues: Iterable[str] | None = None) -> Counter[Count]:
    """Return how many events came to which end, in the flows named or in all."""
    found: Counter[Count] = Counter()
    for flow in _FLOWS:
        if queues is None or flow.queue in queues:
            for state in _STATES:
                found.update(_by_reason(flow.queue, state, _flow(summaries, flow).get(state, 0)))
    return +found


def drained(summaries: Summaries) -> bool:
    """Tell whether nothing is queued, unsent, waiting or given up."""
    return not in_motion(summaries)


def in_motion(summaries: Summaries) -> dict[str, int]:
    """Return what still moves, in words that end a sentence, with numbers above 0."""
    moving: Counter[str] = Counter()
    for service, summary in summaries.items():
        moving[f"events unsent by {service}"] = summary["outbox"]["events"]
        for queue, flow in summary["flows"].items():
            if queue in _BESIDE:
                continue
            moving[f"messages in {queue}"] = flow.get("queued", 0)
            moving[f"messages in {queue}.dead"] = flow.get("dead", 0)
            moving[f"events waiting in {queue}"] = _total(flow.get("waiting", 0))
    return dict(+moving)


def _books(flow: Flow, summaries: Summaries, published: int) -> FlowBooks:
    counted = _flow(summaries, flow)
    totals = {state: _total(counted.get(state, 0)) for state in _STATES}
    return FlowBooks(
        queue=flow.queue,
        published=published,
        applied=totals["done"],
        ignored=totals["ignored"],
        refused=totals["refused"],
        quarantined=totals["quarantined"],
        parked=totals["parked"],
        in_flight=totals["waiting"] + counted.get("queued", 0) + counted.get("dead", 0),
        duplicate=totals["duplicate"],
    )


def _published(flow: Flow, emitted: Mapping[str, int], confirmed: Mapping[str, int]) -> int:
    if flow.exchange in (EVENTS, LOGGED):
        return sum(emitted.values()) if flow.key == _EVERYTHING else emitted.get(flow.key, 0)
    if flow.exchange == UPSTREAM:
        return confirmed.get(flow.key, 0)
    known = {each.key for each in FLOWS if each.exchange == UPSTREAM}
    return sum(count for key, count in confirmed.items() if key not in known)


def _emitted(summaries: Summaries, exchange: str) -> Counter[str]:
    types: Counter[str] = Counter()
    for summary in summaries.values():
        for flow in summary["flows"].values():
            types.update(flow.get("emitted", {}).get(exchange, {}))
    return types


def _flow(summaries: Summaries, flow: Flow) -> Mapping[str, Any]:
    counted: Mapping[str, Any] = summaries.get(flow.consumer, {}).get("flows", {}).get(flow.queue, {})
    return counted


def _by_reason(queue: str, state: str, counted: int | Mapping[str, int]) -> dict[Count, int]:
    if isinstance(counted, int):
        return {Count(queue, state, None): counted}
    return {Count(queue, state, reason): count for reason, count in counted.items()}


def _total(counted: int | Mapping[str, int]) -> int:
    return counted if isinstance(counted, int) else sum(counted.values())
