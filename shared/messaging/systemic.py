"""When failures are nobody's own: half a batch, or batch after batch, fails in the same way (rule 5)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.messaging.delivery import Incoming

FEWEST: Final = 10
"""The fewest different events with one fingerprint that speak of a common cause rather than of themselves."""

_RUNNING: Final = 3
"""Batches in a row of which at least half failed alike."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An event that fails alone, and how."""

    item: Incoming
    fingerprint: str


@dataclass(slots=True)
class Streaks:
    """Remembers, by fingerprint, how many batches running it took at least half of, and which events."""

    _running: dict[str, tuple[int, frozenset[str]]] = field(default_factory=dict)

    def is_systemic(self, failed: Sequence[Failed], size: int) -> bool:
        """Tell whether the latest failure of a batch of this size is one of a common cause.

        It takes ten different events: a few bad ones in a quiet hour, tried again and again, are bad one by one.
        """
        alike = _alike(failed, failed[-1].fingerprint)
        if len(alike) * 2 < size:
            return False
        batches, before = self._running.get(failed[-1].fingerprint, (0, frozenset()))
        return len(alike) >= FEWEST or (batches + 1 >= _RUNNING and len(alike | before) >= FEWEST)

    def note(self, failed: Sequence[Failed], size: int) -> None:
        """Take account of a batch that has ended."""
        running = {}
        for mark in {each.fingerprint for each in failed}:
            alike = _alike(failed, mark)
            if len(alike) * 2 >= size:
                batches, before = self._running.get(mark, (0, frozenset()))
                running[mark] = (batches + 1, alike | before)
        self._running = running

    def forget(self) -> None:
        """Begin anew: the common cause is gone."""
        self._running = {}


def _alike(failed: Sequence[Failed], mark: str) -> frozenset[str]:
    return frozenset(each.item.key for each in failed if each.fingerprint == mark)
