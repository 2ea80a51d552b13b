"""Runs one side once in a process of its own and prints its sample: `python -m bench.side NAME --queue …`.

Addresses come from the environment, as for every service of Carnet.
"""

import argparse
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final

import uvloop

from bench import bare_loop, faststream_single, ours
from bench.measure import Meter, cpu_of
from bench.rules import OMISSIONS
from shared.settings import ServiceSettings

Consume = Callable[[str, Meter, ServiceSettings], Awaitable[None]]

CONSUMERS: Final[dict[str, Consume]] = {
    "ours": ours.consume,
    "bare-loop": bare_loop.consume,
    "faststream-single": faststream_single.consume,
}


async def run(name: str, queue: str, meter: Meter) -> None:
    """Consume until the meter has what it wants."""
    await CONSUMERS[name](queue, meter, ServiceSettings())


def main() -> None:
    """Run a side and print its sample as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONSUMERS)
    parser.add_argument("--queue", required=True)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--forever", action="store_true", help="until told to stop, without a sample")
    parser.add_argument("--without", choices=OMISSIONS, help="the rule that is left out")
    parser.add_argument("--watch", type=json.loads, default={}, help="JSON: names and sessions of the servers")
    chosen = parser.parse_args()

    def cpu() -> dict[str, float]:
        return {"client": time.process_time(), **cpu_of(chosen.watch)}

    if chosen.without:
        OMISSIONS[chosen.without].apply()
    meter = Meter(chosen.warm_up, sys.maxsize if chosen.forever else chosen.events, cpu)
    uvloop.run(run(chosen.name, chosen.queue, meter))
    if chosen.forever:
        return
    if meter.sample is None:
        raise SystemExit(f"{chosen.name} stopped before the last event")
    print(json.dumps(asdict(meter.sample)))


if __name__ == "__main__":
    main()
