"""What audit listens to: everything."""

from functools import partial
from typing import Any

from services.audit.domain.envelope import Envelope, read_envelope, unreadable
from services.audit.handlers.appending import append_entries
from services.audit.ports import KeyFinder, Log
from shared.clock import Clock
from shared.messaging.delivery import Delivery
from shared.messaging.subscription import Subscription
from shared.messaging.topology import AUDIT_EVENTS
from shared.sealing import Key


def subscriptions(*, log: Log, vault: KeyFinder, own_key: Key, clock: Clock) -> list[Subscription[Envelope]]:
    """Return audit's one flow: a single active consumer, since a log has one sequencer."""
    handler = partial(append_entries, log=log, vault=vault, own_key=own_key, clock=clock)
    return [Subscription(flow=AUDIT_EVENTS, admit=admit, handler=handler, salvage=unreadable)]


def admit(document: Any, raw: bytes, _delivery: Delivery) -> Envelope:
    """Take any event by its envelope; no contract is asked, so what audit has never seen is logged too."""
    return read_envelope(document, raw)
