"""Rows 1 and 2: one service that takes lines from a full queue, in batches and one by one."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

import uvloop

from bench import ours
from bench.feed import CLEAR_QUEUE, Sealing, fill_clear, fill_sealed
from bench.measure import Figures, Sample, figures
from bench.report import Comparison
from bench.stack import Ground

WARM_UP_SHARE: Final = 0.2

NOTES: Final = (
    (
        "Carnet: every event exactly once (inbox row, line and outbox row in one transaction), its personal part "
        "sealed (counted), one event published per commit."
    ),
    (
        "aio-pika → insert_many → ack: no inbox, no transaction, nothing published, nothing sealed. Fed with 200 lines "
        "per message it shows what those guarantees cost."
    ),
    (
        "FastStream: pydantic, one transaction per message with inbox row, line and outbox row; nothing is sealed, "
        "and nobody publishes the outbox row."
    ),
)


@dataclass(slots=True)
class Side:
    """A consumer, how its lines come, and how many a repetition needs for a few seconds of work."""

    label: str
    consumer: str
    events: int
    per_message: int
    without: str | None = None
    """The rule that is left out (`bench.rules`)."""
    samples: list[Sample] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether its lines come as sealed events."""
        return self.consumer == "ours"

    @property
    def warm_up(self) -> int:
        """Events before the measuring begins."""
        return int(self.events * WARM_UP_SHARE) // self.per_message * self.per_message

    @property
    def whole(self) -> int:
        """All events of a repetition."""
        return self.warm_up + self.events

    def figures(self) -> Figures:
        """Return its medians."""
        return figures(self.label, self.samples)


def compare(ground: Ground, *, rounds: int, scale: float, say: Callable[[str], None]) -> list[Comparison]:
    """Measure every side ``rounds`` times, in turns and with the order reversed each time."""
    batches = Side("Carnet, 200 events per message", "ours", int(16_000 * scale), 200)
    singles = Side("Carnet, 1 event per message", "ours", int(6_000 * scale), 1)
    bare = Side("aio-pika → insert_many(200) → ack", "bare-loop", int(10_000 * scale), 1)
    bare_batches = Side("the same loop, 200 lines per message", "bare-loop", int(24_000 * scale), 200)
    single = Side("FastStream + transaction per message", "faststream-single", int(1_200 * scale), 1)
    sides = [batches, bare, bare_batches, single, singles]
    runs = count()
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            side.samples.append(measured(ground, side, f"_bench{next(runs)}"))
            say(f"{side.label}: {side.samples[-1].rate:,.0f} events/s")
    return [
        Comparison(
            "Events through one service, from a full queue to committed rows",
            "event",
            [each.figures() for each in (batches, bare, bare_batches, single)],
            NOTES,
        ),
        Comparison(
            "Single events at the edge: one event per message, waiting ones share a commit",
            "event",
            [each.figures() for each in (singles, single)],
        ),
    ]


def measured(ground: Ground, side: Side, suffix: str, *, keep: bool = False) -> Sample:
    """Fill the queue, run the side in a new process, and add what sealing cost where it happened.

    ``keep``: what it has stored is still there for the next repetition.
    """
    sealing = Sealing()
    uvloop.run(fill(ground, side, sealing))
    queue = ours.QUEUE if side.is_ours else CLEAR_QUEUE
    argv = [sys.executable, "-m", "bench.side", side.consumer, "--queue", queue]
    argv += ["--warm-up", str(side.warm_up), "--events", str(side.events), "--watch", json.dumps(ground.servers)]
    argv += ["--without", side.without] if side.without else []
    done = subprocess.run(argv, env=ground.environment(suffix), stdout=subprocess.PIPE, text=True, check=True)
    if not keep:
        ground.forget(suffix)
    sample = Sample(**json.loads(done.stdout.splitlines()[-1]))
    return with_sealing(sample, sealing) if side.is_ours else sample


def with_sealing(sample: Sample, sealing: Sealing) -> Sample:
    """Return a sample that has paid for the sealing of its events too, in time and in CPU."""
    seconds = sealing.seconds / sealing.events * sample.events
    cpu = {**sample.cpu_seconds, "client": sample.cpu_seconds["client"] + seconds}
    return replace(sample, seconds=sample.seconds + seconds, cpu_seconds=cpu)


async def fill(ground: Ground, side: Side, sealing: Sealing) -> None:
    """Put all events of a repetition into the side's queue."""
    url = ground.stack.amqp_url("operator")
    await ground.empty_queues()
    if side.is_ours:
        await fill_sealed(url, ours.QUEUE, side.whole, side.per_message, sealing)
    else:
        await fill_clear(url, CLEAR_QUEUE, side.whole, side.per_message)
