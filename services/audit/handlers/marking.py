"""What every event of a batch leaves behind: its entry, and for a trace the mark that finds it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from services.audit.domain.envelope import Envelope
from services.audit.domain.marks import marked
from services.audit.ports import MarkStore
from shared.clock import Clock
from shared.messaging.unit import Unit

Append: TypeAlias = Callable[[Sequence[Envelope], Unit], Awaitable[None]]
"""Appends the entries of a batch."""


async def append_and_mark(
    events: Sequence[Envelope], unit: Unit, *, append: Append, marks: MarkStore, clock: Clock
) -> None:
    """Append one entry per event, and in the same commit one mark per trace: there is none without the other."""
    await append(events, unit)
    if found := marked(events):
        marks.add(found, clock.now(), unit)
