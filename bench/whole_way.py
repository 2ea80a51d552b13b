"""Row 3: a reimbursement on its whole way, from the insurer that publishes it to the record and the log."""

from collections.abc import Callable
from typing import Final

from bench.carnet_side import carnet_side
from bench.celery_side import celery_side
from bench.measure import Sample, figures
from bench.report import Comparison
from bench.stack import Ground

OURS: Final = "Carnet: ingest, records, notifications, audit"
THEIRS: Final = "Celery: one task per line, MongoDB"

NOTES: Final = (
    (
        "Carnet: every line is checked, sealed, stored once and chained into the log once, by four processes; insurers "
        "publish up to 200 lines per message."
    ),
    (
        "Celery: acks_late, reject_on_worker_lost, a quorum queue, confirmed publications, majority and journaled "
        "writes, 2 worker processes. A task writes the line and an audit row and nothing else: no check, no sealing, "
        "no outbox, no chain, and a task that runs twice is harmless only because both ids are the line's own."
    ),
)


def compare(ground: Ground, *, rounds: int, scale: float, say: Callable[[str], None]) -> Comparison:
    """Measure both sides ``rounds`` times, in turns and with the order reversed each time."""
    ours, theirs = int(20_000 * scale), int(2_000 * scale)
    samples: dict[str, list[Sample]] = {OURS: [], THEIRS: []}
    with carnet_side(ground, ours) as carnet, celery_side(ground) as celery:
        turns = [(OURS, carnet.repeat, ours), (THEIRS, celery.repeat, theirs)]
        for _label, repeat, count in turns:
            repeat(count // 4)  # the warm-up
        for number in range(rounds):
            for label, repeat, count in turns if number % 2 == 0 else reversed(turns):
                samples[label].append(repeat(count))
                say(f"{label}: {samples[label][-1].rate:,.0f} lines/s")
    title = "A reimbursement, from the insurer that publishes it to the record and the log"
    return Comparison(title, "line", [figures(label, taken) for label, taken in samples.items()], NOTES)
