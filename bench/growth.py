"""The same service with ten thousand, a hundred thousand and a million events behind it."""

from collections.abc import Callable
from typing import Final

from bench.consuming import WARM_UP_SHARE, Side, measured
from bench.report import Comparison
from bench.stack import Ground

LEVELS: Final = (10_000, 100_000, 1_000_000)

_SUFFIX: Final = "_growth"
_LEAST: Final = 1_000
"""Fewer fit into a commit or two, and nothing lies between the warm-up and the last."""

_PART: Final = 50_000
"""Events that are made and consumed at a time: all at once would not fit into memory."""

NOTES: Final = (
    "Stored events: inbox rows and lines that the same service has taken before, by the same way; nothing is dropped.",
)


def compare(ground: Ground, *, rounds: int, scale: float, say: Callable[[str], None]) -> Comparison:
    """Measure a service while it grows; each level is reached by consuming, and measured ``rounds`` times."""
    stored, sides = 0, list[Side]()
    for level in LEVELS:
        wanted = int(level * scale)
        while stored < wanted:
            part = Side("growing", "ours", max(_LEAST, int(min(_PART, wanted - stored) / (1 + WARM_UP_SHARE))), 200)
            measured(ground, part, _SUFFIX, keep=True)
            stored += part.whole
            say(f"{stored:,} events stored")
        side = Side(f"{stored:,} events stored", "ours", int(16_000 * scale), 200)
        for _ in range(rounds):
            side.samples.append(measured(ground, side, _SUFFIX, keep=True))
            stored += side.whole
            say(f"{side.label}: {side.samples[-1].rate:,.0f} events/s")
        sides.append(side)
    ground.forget(_SUFFIX)
    return Comparison(
        "Growth: events through one service, by what it has stored before",
        "event",
        [side.figures() for side in sides],
        NOTES,
        ratio="the first is times",
    )
