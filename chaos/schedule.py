"""Which fault when: drawn from the seed, so that the same run can be had again."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from deploy.local.places import StackError

CALM_S: Final = (1.0, 5.0)
"""Between two strikes, at least and at most."""

QUIET_START_S: Final = 3.0
"""Before the first strike: the workload comes to its pace."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault at its time, in seconds since the workload began."""

    at: float
    fault: str
    lasts: float


def needed(faults: Mapping[str, float]) -> float:
    """Return how many seconds each fault striking once takes; ``faults`` has how long each lasts."""
    return QUIET_START_S + sum(lasts + CALM_S[0] for lasts in faults.values())


def schedule(seed: int, faults: Mapping[str, float], seconds: float) -> list[Strike]:
    """Return when each fault strikes within so many seconds; ``faults`` has how long each lasts.

    Every fault strikes once before any strikes again, in random order, with calm in between. Raise StackError if
    the time is too short for that.
    """
    spare = seconds - needed(faults)
    if spare < 0:
        minutes = needed(faults) / 60
        raise StackError(f"{len(faults)} faults need {minutes:.1f} minutes: give more --minutes or fewer --faults.")
    dice = Random(seed)
    most = min(CALM_S[1], CALM_S[0] + 2 * spare / max(1, len(faults)))
    at, found, bag = QUIET_START_S, list[Strike](), list[str]()
    while True:
        first_round = len(found) < len(faults)
        bag = bag or dice.sample(sorted(faults), len(faults))
        name = bag.pop()
        calm = dice.uniform(CALM_S[0], most)
        if first_round:
            calm = min(calm, CALM_S[0] + spare)
            spare -= calm - CALM_S[0]
        if not first_round and at + faults[name] > seconds:
            return found
        found.append(Strike(at, name, faults[name]))
        at += faults[name] + calm
