"""Audit's answer: which traces are in the log, and need not be watched any more."""

from collections.abc import Sequence

from services.records.ports import TraceStore
from shared.contracts.audit import AccessLoggedV1
from shared.messaging.unit import Unit


async def forget_traces(events: Sequence[AccessLoggedV1], unit: Unit, *, traces: TraceStore) -> None:
    """Forget what is in the log."""
    traces.remove({trace for event in events for trace in event.data.events}, unit)
