"""What was measured, as a Markdown table for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.measure import Figures

SERVERS: Final = ("broker", "database")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our side, first, beside the others of the same run."""

    title: str
    unit: str
    sides: Sequence[Figures]
    notes: Sequence[str] = ()
    ratio: str = "ours is times"
    """What the first side's rate, divided by another's, says."""

    @property
    def ours(self) -> Figures:
        """The side that the others are compared with."""
        return self.sides[0]

    def as_json(self) -> dict[str, Any]:
        """Return plain data, ratios included."""
        others = self.sides[1:]
        return {
            "title": self.title,
            "unit": self.unit,
            "sides": [side.as_json() for side in self.sides],
            "ratios": {side.side: self.ours.rate / side.rate for side in others},
            "notes": list(self.notes),
        }


def markdown(comparison: Comparison) -> str:
    """Return a table of the sides: medians, how many times ours is faster, CPU per event by who spent it."""
    unit = comparison.unit
    lines = [
        f"**{comparison.title}**",
        "",
        f"| side | {unit}s/s | range | {comparison.ratio} | CPU µs per {unit}: processes | broker | database |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_line(side, comparison.ours) for side in comparison.sides),
    ]
    if comparison.notes:
        lines += ["", *(f"- {note}" for note in comparison.notes)]
    return "\n".join(lines)


def where_time_goes(figures: Figures, unit: str) -> str:
    """Return a table of the CPU that each process of a side spent on one event, the greatest first."""
    total = sum(figures.cpu_us.values())
    rows = sorted(figures.cpu_us.items(), key=lambda each: -each[1])
    return "\n".join(
        [
            f"| process | CPU µs per {unit} | share |",
            "| --- | ---: | ---: |",
            *(f"| {name} | {cost:,.0f} | {cost / total:.0%} |" for name, cost in rows),
            f"| all | {total:,.0f} | |",
        ]
    )


def _line(side: Figures, ours: Figures) -> str:
    own = sum(cost for name, cost in side.cpu_us.items() if name not in SERVERS)
    servers = [f"{side.cpu_us[name]:,.0f}" if name in side.cpu_us else "n/a" for name in SERVERS]
    ratio = "" if side is ours else f"{ours.rate / side.rate:.1f}"
    spread = f"{side.slowest:,.0f} to {side.fastest:,.0f}"
    return f"| {side.side} | {side.rate:,.0f} | {spread} | {ratio} | {own:,.0f} | {' | '.join(servers)} |"
