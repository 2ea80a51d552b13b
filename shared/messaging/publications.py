"""What each service publishes, and which queues it feeds by it."""

from types import ModuleType
from typing import Final

from shared.contracts import accesses, audit, erasures, ingest, ledger, notifications, operations, records
from shared.contracts.event import Event
from shared.contracts.schema import CONTRACTS
from shared.messaging.topology import EVENTS, FLOWS, LEDGER, LOGGED, Flow

_EVERYWHERE: Final = (operations.OperatorActedV1.TYPE, ledger.LedgerStatedV1.TYPE)
_WHERE_PEOPLE_CALL: Final = (accesses.AccessTracedV1.TYPE, accesses.AccessCountedV1.TYPE, *_EVERYWHERE)


def _published_by(module: ModuleType, *more: str) -> tuple[type[Event], ...]:
    own = tuple(each for each in CONTRACTS if each.__module__ == module.__name__)
    return own + tuple(each for each in CONTRACTS if each.TYPE in more)


PUBLISHED: Final[dict[str, tuple[type[Event], ...]]] = {
    "ingest": _published_by(ingest, *_WHERE_PEOPLE_CALL),
    "records": _published_by(records, *_WHERE_PEOPLE_CALL),
    "notifications": _published_by(notifications, *_WHERE_PEOPLE_CALL),
    "audit": _published_by(audit, erasures.EntriesErasedV1.TYPE, *_WHERE_PEOPLE_CALL),
}
"""What each service publishes."""


def fed_by(service: str) -> list[Flow]:
    """Return the flows that a service publishes to: without their queues its messages would go nowhere."""
    types = {each.TYPE for each in PUBLISHED.get(service, ())}
    ours = [flow for flow in FLOWS if flow.exchange in (EVENTS, LOGGED, LEDGER)]
    return [flow for flow in ours if flow.key in types or (flow.key == "#" and types)]
