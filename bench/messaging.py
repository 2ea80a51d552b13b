"""`./carnet bench messaging`: both sides of every comparison in one run, medians, CPU per event.

`python -m bench.messaging` prints Markdown tables; with `--json` it prints the same as JSON.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bench import consuming, growth, rules, whole_way, workers
from bench.report import Comparison, markdown, where_time_goes
from bench.soak import Soak, soak
from bench.soak import markdown as soak_table
from bench.stack import ground


def _alone(compare: Callable[..., Comparison]) -> Callable[..., list[Comparison]]:
    return lambda *words, **more: [compare(*words, **more)]


WHOLE_WAY, SOAK = "whole-way", "soak"

_COMPARISONS: Final[Mapping[str, Callable[..., list[Comparison]]]] = {
    "consuming": consuming.compare,
    WHOLE_WAY: _alone(whole_way.compare),
    "workers": _alone(workers.compare),
    "rules": _alone(rules.compare),
    "growth": _alone(growth.compare),
}

PARTS: Final = (*_COMPARISONS, SOAK)
"""In the order in which they are measured."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each side")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of events")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part of it, or some")
    parser.add_argument("--soak", type=float, default=10.0, metavar="MINUTES", help="how long memory is looked at")
    chosen = parser.parse_args()
    found: list[Comparison] = []
    soaked: Soak | None = None
    with ground() as where:
        wanted = [part for part in PARTS if part in (chosen.only or PARTS)]
        if where.stack.origin == "environment":
            _progress("The whole way and the soak are left out: each insurer needs a broker user of its own.")
            wanted = [part for part in wanted if part not in (WHOLE_WAY, SOAK)]
        for part in wanted:
            if part != SOAK:
                found += _COMPARISONS[part](where, rounds=chosen.rounds, scale=chosen.scale, say=_progress)
    if SOAK in wanted:
        with ground() as where:  # insurers publish the same lines again: nobody may have seen them
            soaked = soak(where, minutes=chosen.soak, say=_progress)
    print(json.dumps(_as_json(found, soaked), indent=2) if chosen.json else _as_text(found, chosen.rounds, soaked))


def machine() -> str:
    """Return what the numbers were measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _as_json(found: Sequence[Comparison], soaked: Soak | None) -> dict[str, Any]:
    told = {"machine": machine(), "comparisons": [each.as_json() for each in found]}
    return told | ({"soak": soaked.as_json()} if soaked else {})


def _as_text(found: Sequence[Comparison], rounds: int, soaked: Soak | None) -> str:
    parts = [markdown(each) for each in found]
    parts += [where_time_goes(each.ours, each.unit) for each in found if each.unit == "line"]
    parts += [soak_table(soaked)] if soaked else []
    return "\n\n".join([*parts, f"Medians of {rounds} repetitions in turns, on {machine()}."])


def _progress(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
