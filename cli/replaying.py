"""A replay of a set under way: so many a second, one first to see whether it helps, and what became of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from cli.doors import MessagingDoors, Row

MOST_AT_ONCE: Final = 500
"""Rows that one call replays."""

_LOOK_S: Final = 0.5
_PATIENCE_S: Final = 20.0
"""How long to wait for what is under way while nothing moves any more."""


@dataclass(slots=True)
class Pace:
    """Lets so many events a second through."""

    rate: float
    _next: float = field(default_factory=monotonic)

    @property
    def step(self) -> int:
        """How many events are let through together: a fifth of a second's, one at least."""
        return max(1, min(MOST_AT_ONCE, int(self.rate / 5)))

    async def wait(self, count: int) -> None:
        """Return when as many may follow."""
        await asyncio.sleep(max(0.0, self._next - monotonic()))
        self._next = max(self._next, monotonic()) + count / self.rate


@dataclass(slots=True)
class Replay:
    """One set's replay, and what is known of it so far."""

    doors: MessagingDoors
    service: str
    told: Row
    because: str | None
    pace: Pace
    done: int = 0
    looked: int = 0
    standing: Row = field(default_factory=dict)

    @property
    def handle(self) -> str:
        """The set's name."""
        return str(self.told["handle"])

    async def run(self, show: Callable[["Replay"], None], *, first: bool) -> bool:
        """Replay the set and wait for the outcome; return False if the first one failed again and the rest was left.

        ``first``: one event goes ahead, and the others only if it did not fail again.
        """
        place: int | None = 0
        if first and (place := await self._first(show)) is not None and self.failed_again:
            return False
        while place is not None:
            place = await self.step(place, self.pace.step)
            show(self)
        await self.settle(show)
        return True

    @property
    def failed_again(self) -> int:
        """How many of those replayed are held once more."""
        return int(self.standing.get("failed-again", 0) + self.standing.get("held-again", 0))

    async def settle(self, show: Callable[["Replay"], None]) -> None:
        """Wait until nothing is under way any more, or nothing moves."""
        last, since = -1, monotonic()
        while True:
            self.standing = (await self.doors.standing(self.service, self.handle))["standing"]
            show(self)
            due = self.standing.get("due", 0)
            if due != last:
                last, since = due, monotonic()
            if not due or monotonic() - since > _PATIENCE_S:
                return
            await asyncio.sleep(_LOOK_S)

    async def _first(self, show: Callable[["Replay"], None]) -> int | None:
        """Replay the first event that still is as it was seen, and wait for its outcome; return the place after it."""
        before = (await self.doors.standing(self.service, self.handle))["standing"]
        place: int | None = 0
        while place is not None and not self.done:
            place = await self.step(place, 1)
        await self.settle(show)
        for name in ("failed-again", "held-again"):  # of an earlier replay of the same set
            self.standing[name] = max(0, self.standing.get(name, 0) - before.get(name, 0))
        return place

    async def step(self, place: int, count: int) -> int | None:
        """Replay the next so many rows of the set; return the place to go on from, None at the end."""
        await self.pace.wait(count)
        body = {"start": place, "limit": count, **({"reason": self.because} if self.because else {})}
        answer = await self.doors.on_set(self.service, self.handle, "replay", body)
        self.done += answer["done"]
        self.looked += answer["looked"]
        following: int | None = answer["next"]
        return following
