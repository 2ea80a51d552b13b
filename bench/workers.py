"""One, two and four workers of one service on one queue."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import uvloop
from pymongo import MongoClient

from bench import ours
from bench.consuming import Side, fill
from bench.feed import Sealing
from bench.measure import Sample, cpu_of, spent
from bench.report import Comparison
from bench.stack import Ground

CROWDS: Final = (1, 2, 4)

_DEADLINE_S: Final = 120.0
_LOOK_S: Final = 0.02

NOTES: Final = (
    (
        "Sealing is not counted here. Broker, database and workers share the machine's cores: beside the rates stands "
        "what an event costs each of them."
    ),
)


def compare(ground: Ground, *, rounds: int, scale: float, say: Callable[[str], None]) -> Comparison:
    """Measure each number of workers ``rounds`` times, in turns."""
    events = int(32_000 * scale)
    sides = {crowd: Side(f"{crowd} worker{'s' * (crowd > 1)}", "ours", events, 200) for crowd in CROWDS}
    for number in range(rounds):
        for crowd in CROWDS if number % 2 == 0 else reversed(CROWDS):
            side = sides[crowd]
            side.samples.append(_measured(ground, side, crowd, f"_workers{number}x{crowd}"))
            say(f"{side.label}: {side.samples[-1].rate:,.0f} events/s")
    return Comparison(
        "Scale-out: workers of one service on one queue",
        "event",
        [side.figures() for side in sides.values()],
        NOTES,
        ratio="the first is times",
    )


def _measured(ground: Ground, side: Side, crowd: int, suffix: str) -> Sample:
    """Start the workers on a full queue and time from the end of the warm-up to the last row."""
    uvloop.run(fill(ground, side, Sealing()))
    argv = [sys.executable, "-m", "bench.side", "ours", "--queue", ours.QUEUE, "--forever"]
    workers = [
        subprocess.Popen(argv, env=ground.environment(suffix), start_new_session=True, stdout=subprocess.DEVNULL)
        for _ in range(crowd)
    ]
    watched = {**ground.servers, **{f"worker {place}": each.pid for place, each in enumerate(workers, 1)}}
    client: MongoClient[dict[str, Any]] = MongoClient(ground.stack.mongo_url)
    try:
        with client:
            lines = client[f"records{suffix}"]["lines"]
            first = _until(lines.estimated_document_count, side.warm_up)
            began, cpu = time.perf_counter(), cpu_of(watched)
            last = _until(lines.estimated_document_count, side.whole)
            seconds = time.perf_counter() - began
            used = spent(cpu, cpu_of(watched))
    finally:
        for each in workers:
            os.kill(each.pid, signal.SIGTERM)
        for each in workers:
            each.wait(30)
        ground.forget(suffix)
    servers = {name: used[name] for name in ground.servers}
    return Sample(last - first, seconds, {"client": sum(used.values()) - sum(servers.values()), **servers})


def _until(look: Callable[[], int], wanted: int) -> int:
    deadline = time.monotonic() + _DEADLINE_S
    while (found := look()) < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found:,} of {wanted:,} rows after {_DEADLINE_S:.0f} s")
        time.sleep(_LOOK_S)
    return found
