"""What was begun and never ended: the trace by which an event that kills its process is found (rule 6)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

KILLER: Final = "process-killer"
"""The reason for which an event is parked unexecuted: its process ended each time it was taken up."""

LIMIT: Final = 2
"""Beginnings of a step, taken alone, that came to no end; the step is not begun again."""

WHOLE: Final = "whole"
"""A message is taken alone, all its events together: most of what comes again is innocent."""

DECODE: Final = "decode"
"""Only the body of a message is read; the steps after it are its events, named by their places."""


@dataclass(frozen=True, slots=True)
class Deaths:
    """How often a process ended while it retried a row, among others or alone."""

    together: int = 0
    alone: int = 0

    @property
    def suspect(self) -> bool:
        """Whether the row is to be retried by itself."""
        return bool(self.together or self.alone)


class Starts(Protocol):
    """Counts beginnings, committed before what they count; what came to an end is forgotten."""

    async def begin(self, message: str, step: str, name: str, ended: str | None = None) -> Mapping[str, int]:
        """Count the beginning of a step of a message, ``ended`` being over; return all its steps without an end.

        ``name`` is this beginning's own: asked again because the answer was lost, it is counted once.
        """

    async def end(self, message: str) -> None:
        """Forget a message: every event of it has its row."""

    async def claim(self, rows: Sequence[str]) -> Mapping[str, Deaths]:
        """Say that this process retries rows; return those that no other living process is retrying."""

    async def go_alone(self, row: str) -> None:
        """Say that this process retries a row of its claim and nothing else."""

    async def release(self, rows: Collection[str]) -> None:
        """Forget rows: their retry came to an end."""

    async def leave(self) -> None:
        """Give back what this process claimed: it ends, and nothing that it retried is to blame."""

    async def set_apart(self, row: str) -> None:
        """Forget how often a parked row was begun, but not that it is to be retried alone if it is replayed."""
