"""What production takes from the machine, taken from the seeded loop instead: time, ids, logs, who is silent."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn
from unittest import mock
from uuid import UUID

import structlog

from tests.fakes.messaging import NOON, SILENT_AFTER, InMemoryOutbox
from tests.fakes.starts import InMemoryStarts
from tests.unit.simulation.loop import SimulatedLoop


@dataclass
class LoopClock:
    """The loop's time as a date."""

    loop: SimulatedLoop

    def now(self) -> datetime:
        """Return the instant."""
        return NOON + timedelta(seconds=self.loop.time())


class SilentStarts(InMemoryStarts):
    """Beginnings of which those are orphaned whose process has not told for 30 s that it lives."""

    def __init__(self, outbox: InMemoryOutbox, clock: LoopClock) -> None:
        self._outbox = outbox
        self._clock = clock
        super().__init__()

    @property
    def dead(self) -> set[str]:
        """Return who is silent."""
        now, beats = self._clock.now(), self._outbox.beats
        return {claim.by for claim in self.claims.values() if claim.by and _is_silent(beats.get(claim.by), now)}

    @dead.setter
    def dead(self, _given: set[str]) -> None:
        """Leave it to the beats."""


def _is_silent(beat: datetime | None, now: datetime) -> bool:
    return beat is None or now - beat > SILENT_AFTER


@contextmanager
def chance_from(loop: SimulatedLoop) -> Iterator[None]:
    """Let ids and time come from the loop: an order by id is part of what happens."""
    bits = loop.random.getrandbits
    with ExitStack() as patches:
        for name, replacement in {
            "uuid.uuid4": lambda: UUID(int=bits(128)),
            "secrets.token_hex": lambda size=16: f"{bits(8 * size):0{2 * size}x}",
            "time.monotonic": loop.time,
            "shared.messaging.settling.monotonic": loop.time,
            "shared.messaging.consumer.monotonic": loop.time,
            "shared.messaging.instants._elapsed": loop.time,
            "shared.messaging.instants._start": 0.0,
            "shared.messaging.instants._at": NOON,
        }.items():
            patches.enter_context(mock.patch(name, replacement))
        yield


@contextmanager
def heard_in(seen: Counter[str]) -> Iterator[None]:
    """Count what is logged, by event, instead of writing it."""

    def count(_logger: object, _method: str, entry: Any) -> NoReturn:
        seen[entry["event"]] += 1
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[count])
    try:
        yield
    finally:
        structlog.configure(**before)
