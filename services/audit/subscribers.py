"""What audit listens to: everything, and what it heeds of it."""

from functools import partial
from typing import Any

from services.audit.domain.envelope import Envelope, read_envelope, unreadable
from services.audit.handlers.appending import append_entries
from services.audit.handlers.counting import note_counts
from services.audit.handlers.marking import append_and_mark
from services.audit.handlers.overseeing import note_overseers
from services.audit.ports import KeyFinder, Log, MarkStore, OverseerStore, SeriesStore
from shared.clock import Clock
from shared.contracts.accesses import AccessCountedV1
from shared.contracts.records import OversightChangedV1
from shared.messaging.delivery import Delivery
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import AUDIT_COUNTS, AUDIT_EVENTS, AUDIT_OVERSIGHT
from shared.sealing import Key


def subscriptions(
    *,
    log: Log,
    vault: KeyFinder,
    own_key: Key,
    clock: Clock,
    marks: MarkStore,
    series: SeriesStore,
    overseers: OverseerStore,
) -> list[Subscription[Any]]:
    """Return audit's flows: everything to one active consumer, since a log has one sequencer; and what it heeds."""
    append = partial(append_entries, log=log, vault=vault, own_key=own_key, clock=clock)
    return [
        Subscription(
            flow=AUDIT_EVENTS,
            admit=admit,
            handler=partial(append_and_mark, append=append, marks=marks, clock=clock),
            salvage=unreadable,
        ),
        *heeding(series, overseers),
    ]


def heeding(series: SeriesStore, overseers: OverseerStore) -> list[Subscription[Any]]:
    """Return the flows of what audit heeds, of all that it logs."""
    return [
        Subscription(
            flow=AUDIT_COUNTS,
            admit=of_contract(AccessCountedV1),
            handler=partial(note_counts, series=series),
        ),
        Subscription(
            flow=AUDIT_OVERSIGHT,
            admit=of_contract(OversightChangedV1),
            handler=partial(note_overseers, overseers=overseers),
        ),
    ]


def admit(document: Any, raw: bytes, _delivery: Delivery) -> Envelope:
    """Take any event by its envelope; no contract is asked, so what audit has never seen is logged too."""
    return read_envelope(document, raw)
