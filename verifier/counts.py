"""Processes number what they tell, from 1 on without gaps: a number that is not in the log was never logged.

What is told comes late or out of order now and then, so a number counts as missing once something shows that it was
given, and a minute has passed in the log since. What shows it: a higher number of the same process, or its statement
``access.counted.v1``. The text of an erased entry takes its number with it.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from verifier.faults import FaultError, IncompleteError, TamperedError

STATEMENT: Final = "access.counted.v1"
MERGE_DELAY_MS: Final = 60_000
"""How long an event may take to be in the log."""


@dataclass(slots=True)
class Count:
    """The numbers of one process."""

    upto: int = 0
    """There is an entry of every number up to this."""
    ahead: set[int] = field(default_factory=set)
    """Numbers beyond it that were met."""
    given: int = 0
    """Numbers up to this were given a minute ago."""
    lately: deque[tuple[int, int]] = field(default_factory=deque)
    """Since when which number is known to have been given."""

    def show(self, number: int, time: int) -> None:
        """Note that numbers up to this one were given."""
        if number > (self.lately[-1][1] if self.lately else self.given):
            self.lately.append((time, number))

    def settle(self, time: int) -> None:
        """Let time pass in the log."""
        while self.lately and self.lately[0][0] + MERGE_DELAY_MS <= time:
            self.given = self.lately.popleft()[1]

    def meet(self, number: int) -> bool:
        """Note an entry's number; return whether it is the first of that number."""
        if number <= self.upto or number in self.ahead:
            return False
        self.ahead.add(number)
        while self.upto + 1 in self.ahead:
            self.upto += 1
            self.ahead.remove(self.upto)
        return True

    def missing(self) -> list[int]:
        """Return the numbers that were given and are not there, the first thousand."""
        found = (number for number in range(self.upto + 1, self.given + 1) if number not in self.ahead)
        return [number for _, number in zip(range(1000), found, strict=False)]


def count(place: str, actor: Any, time: int, producers: dict[str, Count]) -> Iterator[FaultError]:
    """Count an entry among those of its process; yield what is wrong with its number."""
    if "number" not in actor:
        return
    producer, number = str(actor["producer"]), int(actor["number"])
    known = producers.setdefault(producer, Count())
    known.settle(time)
    known.show(number, time)
    if number < 1 or not known.meet(number):
        yield TamperedError("producer-repeated", f"{place}: number {number} of {producer} once more")


def heed(detail: Any, time: int, producers: dict[str, Count]) -> None:
    """Heed what a process states of its numbers."""
    if detail.get("type") == STATEMENT:
        for each in detail["data"]["producers"]:
            known = producers.setdefault(str(each["producer"]), Count())
            known.settle(time)
            known.show(int(each["last"]), time)


def gaps(time: int, erased: int, producers: Mapping[str, Count]) -> Iterator[FaultError]:
    """Yield which processes lack a number at the end of the log; so many as were erased may lack theirs."""
    lacking: dict[str, list[int]] = {}
    for producer, known in sorted(producers.items()):
        known.settle(time)
        if missing := known.missing():
            lacking[producer] = missing
    if sum(map(len, lacking.values())) <= erased:
        return
    for producer, missing in lacking.items():
        told = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        yield IncompleteError("producer-gap", f"{producer}: number {told} is not in the log")
