"""What a measurement is: events over seconds, and the CPU time that each taking part spent on one event."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

TICKS: Final = os.sysconf("SC_CLK_TCK")

Watched = Mapping[str, int]
"""Names of those whose CPU is measured, and the session of each: a server or a worker leads a session of its own."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One repetition of one side."""

    events: int
    seconds: float
    cpu_seconds: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    def cost(self, name: str) -> float:
        """CPU microseconds per event."""
        return self.cpu_seconds[name] / self.events * 1e6


@dataclass(frozen=True, slots=True)
class Figures:
    """A side's medians over its repetitions, with the slowest and the fastest."""

    side: str
    rate: float
    slowest: float
    fastest: float
    cpu_us: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def figures(side: str, samples: Sequence[Sample]) -> Figures:
    """Return the medians of a side's repetitions."""
    rates = [sample.rate for sample in samples]
    names = samples[0].cpu_seconds
    costs = {name: median(sample.cost(name) for sample in samples) for name in names}
    return Figures(side, median(rates), min(rates), max(rates), costs)


class Meter:
    """Times what lies between the end of the warm-up and the last event, and the CPU spent meanwhile."""

    def __init__(self, warm_up: int, events: int, cpu: Callable[[], Mapping[str, float]]) -> None:
        self._warm_up = warm_up
        self._last = warm_up + events
        self._cpu = cpu
        self._seen = 0
        self._begun: tuple[int, float, Mapping[str, float]] | None = None
        self.sample: Sample | None = None

    def count(self, events: int) -> bool:
        """Note finished events; return True once the last one is among them."""
        self._seen += events
        if self._begun is None and self._seen >= self._warm_up:
            self._begun = self._seen, time.perf_counter(), self._cpu()
        elif self._begun is not None and self._seen >= self._last and self.sample is None:
            self.sample = self._since(*self._begun)
        return self.sample is not None

    def _since(self, seen: int, started: float, before: Mapping[str, float]) -> Sample:
        seconds = time.perf_counter() - started
        return Sample(self._seen - seen, seconds, spent(before, self._cpu()))


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return the CPU seconds spent between two readings."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def cpu_of(watched: Watched) -> dict[str, float]:
    """Return the CPU seconds, user and system, that each session's processes have spent so far (Linux only)."""
    sessions = dict.fromkeys(watched.values(), 0.0)
    for session, seconds in _processes():
        if session in sessions:
            sessions[session] += seconds
    return {name: sessions[session] for name, session in watched.items()}


def _processes() -> Iterable[tuple[int, float]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield session_and_cpu(stat.read_text())
        except OSError:
            continue  # it ended meanwhile


def session_and_cpu(stat: str) -> tuple[int, float]:
    """Return a process's session and its CPU seconds, those of its dead children included, from `/proc/<pid>/stat`."""
    after_name = stat.rpartition(")")[2].split()
    return int(after_name[3]), sum(map(int, after_name[11:15])) / TICKS
