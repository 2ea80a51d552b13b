"""`./carnet bench letters`: letters typeset in lots, beside the same template one PDF at a time.

Each process uses one core; a lot holds 500 letters. The letters differ in everything that differs between people.
"""

import argparse
import json
import multiprocessing
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bench.measure import Sample, figures
from bench.messaging import machine
from bench.report import Comparison, markdown
from services.notifications.adapters.typesetting import Batch, typeset
from services.notifications.adapters.typst_letters import TypstPress
from services.notifications.domain.lot import LARGEST, Letter, Lot
from services.notifications.domain.policy import Policy
from services.notifications.domain.wording import wordings
from shared.typesetting.pdf import compiler

CODE: Final = "ACDEFGHJKMNPQRTUVWXY34679"
SINGLE: Final = 150
"""Letters that are typeset one by one in a repetition."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way of typesetting: how many processes, how many letters per PDF, how many PDFs in a repetition."""

    name: str
    processes: int
    letters: int
    pdfs: int


SIDES: Final = (
    Side("lots of 500, one process", 1, LARGEST, 1),
    Side("lots of 500, two processes", 2, LARGEST, 2),
    Side("one PDF per letter, one process", 1, 1, SINGLE),
)


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each side")
    chosen = parser.parse_args()
    found = compare(chosen.rounds)
    if chosen.json:
        print(json.dumps({"machine": machine(), "comparisons": [found.as_json()]}, indent=2))
    else:
        print(f"{markdown(found)}\n\nMedians of {chosen.rounds} repetitions in turns, on {machine()}.")


def compare(rounds: int) -> Comparison:
    """Return both sides' figures."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # the processes' own: a core each, so that a rate is one per core
    pools = {side: pool_of(side.processes) for side in SIDES}
    samples: dict[Side, list[Sample]] = {side: [] for side in SIDES}
    sizes: dict[Side, float] = {}
    for number in range(rounds + 1):
        for side in SIDES:
            sample, size = measure(side, pools[side], number)
            if number:  # the first is to warm up
                samples[side].append(sample)
                sizes[side] = size
    for pool in pools.values():
        pool.shutdown()
    measured = [figures(side.name, samples[side]) for side in SIDES]
    notes = [
        f"{each.side}: {1e6 / each.cpu_us['typst']:,.0f} letters per second of CPU, {sizes[side] / 1e3:.1f} kB a letter"
        for side, each in zip(SIDES, measured, strict=True)
    ]
    return Comparison("Letters, tagged PDF/A-2a and PDF/UA-1", "letter", measured, notes)


def pool_of(processes: int) -> ProcessPoolExecutor:
    """Return processes that have loaded the fonts: spawned, never forked."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=compiler)


def measure(side: Side, pool: ProcessPoolExecutor, seed: int) -> tuple[Sample, float]:
    """Typeset a repetition's letters and return what it took, and the bytes per letter."""
    batches = [batch(side.letters, random.Random(f"{side.name}{seed}{number}")) for number in range(side.pdfs)]
    started = time.perf_counter()
    done = list(pool.map(timed, batches))
    seconds = time.perf_counter() - started
    letters = side.letters * side.pdfs
    cpu = sum(spent for spent, _ in done)
    return Sample(letters, seconds, {"typst": cpu}), sum(size for _, size in done) / letters


def timed(work: Batch) -> tuple[float, int]:
    """Return the CPU seconds that a PDF took, and its bytes."""
    started = time.process_time()
    pdf = typeset(work)
    return time.process_time() - started, len(pdf)


def batch(size: int, rng: random.Random) -> Batch:
    """Return letters to as many people."""
    press = TypstPress(wordings(Policy.SEED), sender="Assurance Maladie", address=("TSA 00000",), demonstration=True)
    lot = Lot(f"20261120-{rng.randrange(100_000):05}", datetime(2026, 11, 20, tzinfo=UTC), size)
    return press.batch(lot, [letter(place, rng) for place in range(1, size + 1)])


def letter(place: int, rng: random.Random) -> Letter:
    """Return a letter to somebody."""
    name, street, city = (word(rng, length) for length in (9, 12, 10))
    lines = (
        f"MME {word(rng, 6)} {name}",
        f"{rng.randint(1, 200)} RUE {street}",
        f"{rng.randint(1000, 95999):05} {city}",
    )
    code = f"{word(rng, 4)}-{word(rng, 4)}"
    return Letter(f"{place:032x}", place, "CPAM de Loire-Atlantique", lines, None, code)


def word(rng: random.Random, length: int) -> str:
    """Return letters in a row."""
    return "".join(rng.choices(CODE, k=length))


if __name__ == "__main__":
    main()
