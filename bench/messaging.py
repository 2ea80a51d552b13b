"""`./carnet bench messaging`: both sides of every comparison in one run, medians, CPU per event.

`python -m bench.messaging` prints Markdown tables; with `--json` it prints the same as JSON.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

from bench import consuming, whole_way
from bench.report import Comparison, markdown, where_time_goes
from bench.stack import ground


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each side")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of events")
    parser.add_argument("--only", choices=("consuming", "whole-way"), help="one part of it")
    chosen = parser.parse_args()
    found: list[Comparison] = []
    with ground() as where:
        if chosen.only != "whole-way":
            found += consuming.compare(where, rounds=chosen.rounds, scale=chosen.scale, say=_progress)
        if where.stack.origin == "environment":
            _progress("The whole way is left out: each insurer needs a broker user of its own.")
        elif chosen.only != "consuming":
            found.append(whole_way.compare(where, rounds=chosen.rounds, scale=chosen.scale, say=_progress))
    print(json.dumps(_as_json(found), indent=2) if chosen.json else _as_text(found, chosen.rounds))


def machine() -> str:
    """Return what the numbers were measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _as_json(found: Sequence[Comparison]) -> dict[str, Any]:
    return {"machine": machine(), "comparisons": [each.as_json() for each in found]}


def _as_text(found: Sequence[Comparison], rounds: int) -> str:
    parts = [markdown(each) for each in found]
    parts += [where_time_goes(each.ours, each.unit) for each in found if each.unit == "line"]
    return "\n\n".join([*parts, f"Medians of {rounds} repetitions in turns, on {machine()}."])


def _progress(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
