"""Memory over a soak: every service at work for minutes, and what each process holds before and after."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any, Final

from bench.carnet_side import carnet_side
from bench.stack import Ground

LINES: Final = 10_000
"""Published together; the next follow when these are in the log."""

LOOK_EVERY_S: Final = 2.0
WARM_UP_SHARE: Final = 0.2
"""Of the time: caches and pools fill, the interpreter's heap finds its size."""

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """What one process held, in MB: after the warm-up, at the end, at most."""

    name: str
    first: float
    last: float
    most: float


@dataclass(frozen=True, slots=True)
class Soak:
    """A soak: how long, how many lines, and everybody's memory."""

    minutes: float
    lines: int
    held: Sequence[Held]

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def soak(ground: Ground, *, minutes: float, say: Callable[[str], None]) -> Soak:
    """Have lines go their whole way for so many minutes, and look at everybody's memory meanwhile."""
    lines, ended = 0, Event()
    with carnet_side(ground, LINES) as side:
        watched = {name: role.running.pid for name, role in side.system.roles.items() if role.running}
        seen: list[Mapping[str, float]] = []
        looking = Thread(target=_look, args=({**ground.servers, **watched}, seen, ended))
        looking.start()
        try:
            ends = time.monotonic() + 60 * minutes
            while time.monotonic() < ends:
                sample = side.repeat(LINES)
                lines += sample.events
                say(f"{lines:,} lines, {sample.rate:,.0f} a second")
        finally:
            ended.set()
            looking.join()
    return Soak(minutes, lines, told(seen))


def told(seen: Sequence[Mapping[str, float]]) -> list[Held]:
    """Return what everybody held: each end is the median of a tenth of the looks, so that no single one counts."""
    after = seen[int(len(seen) * WARM_UP_SHARE) :] or seen
    part = max(1, len(after) // 10)
    return [
        Held(
            name,
            median(look[name] for look in after[:part]),
            median(look[name] for look in after[-part:]),
            max(look[name] for look in seen),
        )
        for name in (seen[0] if seen else ())
    ]


def markdown(soak: Soak) -> str:
    """Return a table of it."""
    return "\n".join(
        [
            f"**Memory over {soak.minutes:g} minutes, {soak.lines:,} lines on their whole way**",
            "",
            "| process | MB after the warm-up | at the end | at most |",
            "| --- | ---: | ---: | ---: |",
            *(f"| {each.name} | {each.first:,.0f} | {each.last:,.0f} | {each.most:,.0f} |" for each in soak.held),
        ]
    )


def _look(watched: Mapping[str, int], seen: list[Mapping[str, float]], ended: Event) -> None:
    while not ended.wait(LOOK_EVERY_S):
        seen.append({name: resident(pid) / _MB for name, pid in watched.items()})


def resident(pid: int) -> int:
    """Return how many bytes of memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
