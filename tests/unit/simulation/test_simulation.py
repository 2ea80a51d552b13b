"""The production consumer, settler and relay, unchanged, in a world where anything may happen at any await.

``CARNET_SIMULATION_SEEDS=20000`` tries that many worlds, ``CARNET_SIMULATION_FROM=1000`` begins at that seed: a seed
that fails says so, and is the same world each time.
"""

import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.simulation.faults import live
from tests.unit.simulation.invariants import violations
from tests.unit.simulation.mutants import MUTANTS
from tests.unit.simulation.plan import FAULTS, plan_of
from tests.unit.simulation.world import FATAL

SEEDS = int(os.environ.get("CARNET_SIMULATION_SEEDS", "100"))
FROM = int(os.environ.get("CARNET_SIMULATION_FROM", "0"))
ENOUGH = 100
"""Within so many seeds each bug has to be found."""

SOMETIMES = {
    *FAULTS,
    "acknowledgement_lost",
    "batch_again",
    "broker:answer-lost",
    "broker:request-lost",
    "event_failed",
    "flow_paused",
    "flow_resumed",
    "outbox_adopted",
    "process_killer_parked",
    "suspect_message",
    FATAL,
    "shop:answer-lost",
    "shop:request-lost",
}
"""What has to happen in some of the worlds; a simulation in which it never does shows nothing."""


@dataclass
class Lived:
    """What came of many worlds."""

    wrong: dict[int, list[str]]
    seen: Counter[str]


@pytest.fixture(scope="module")
def lived() -> Lived:
    """Give what came of all seeds."""
    wrong: dict[int, list[str]] = {}
    seen: Counter[str] = Counter()
    for seed in range(FROM, FROM + SEEDS):
        world = live(plan_of(seed))
        seen.update(world.seen)
        if found := violations(world):
            wrong[seed] = found
    return Lived(wrong, seen)


@pytest.mark.timeout(60 + SEEDS)
def test_every_world_is_sound(lived: Lived):
    """Nothing lost, nothing doubled, the books balance, the latest version stands (rules 1 to 14)."""
    assert not lived.wrong


def test_everything_happens_sometimes(lived: Lived):
    """Each fault, and each answer of the services to one, occurs in some world."""
    assert not SOMETIMES - {name for name, times in lived.seen.items() if times}


def fate(seed: int) -> Any:
    """Return everything that can be told of a world."""
    world = live(plan_of(seed))
    rows = [(service.inbox.rows, service.inbox.books, service.outbox.rows) for service in (world.shop, world.till)]
    return world.network.trace, world.seen, world.loop.time(), repr(rows)


@pytest.mark.parametrize("seed", [0, 5, 9, 11])
def test_replays_identically(seed: int):
    """A seed is one world: every call, at every time, in the same order."""
    assert fate(seed) == fate(seed)


def test_seeds_differ():
    """Another seed is another world."""
    assert fate(0) != fate(5)


@pytest.mark.parametrize("name", MUTANTS)
def test_bugs_are_found(name: str):
    """Whatever safeguard is taken away, some seed shows it."""
    with ExitStack() as patches:
        for patch in MUTANTS[name]:
            patches.enter_context(patch)
        assert any(violations(live(plan_of(seed))) for seed in range(ENOUGH))
