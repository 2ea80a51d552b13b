"""A run from its beginning to its exit code."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.status import Status

from chaos.cast import LAUNCHED
from chaos.faults import Fault
from chaos.replicas import members
from chaos.rig import HISTORY, Rig, rigged
from chaos.schedule import Strike
from chaos.screen import Screen
from chaos.striking import strike_all
from chaos.verdict import Verdict, reach_verdict
from chaos.workload import play
from deploy.local.stack import Stack

GOOD, WRONG = 0, 1

MUTATED: Final = "chaos.mutated"
"""The module that starts a role with one rule broken."""

PATIENCE_S, BRIEF_PATIENCE_S = 600.0, 120.0
"""How long quiet is waited for; less where a rule is broken and nobody expects it to come."""

VERDICT: Final = "verdict.json"

LAST_WORDS_S: Final = 120.0
"""How long the workload may take to have its last requests answered by a system that is whole again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    seed: int
    workers: int
    faults: Mapping[str, Fault]
    strikes: Sequence[Strike]
    strict: bool = False
    """Whether what happens only sometimes must have happened."""
    mutant: str | None = None
    """The rule of Carnet that is broken in this run."""
    replicas: bool = False
    """Whether broker and database are clusters of three."""


async def course(stack: Stack, wanted: Wanted, console: Console, status: Status) -> Verdict:
    """Hurt a system that works, let it heal, and judge it."""
    screen = Screen(console, status)
    screen.phase("starting every process behind links of its own")
    module = (MUTATED, wanted.mutant) if wanted.mutant else (LAUNCHED,)
    with members(stack, screen.phase, replicas=wanted.replicas) as others:
        async with rigged(stack, seed=wanted.seed, workers=wanted.workers, module=module, others=others) as rig:
            verdict = await _judged(rig, wanted, screen)
    return verdict


async def _judged(rig: Rig, wanted: Wanted, screen: Screen) -> Verdict:
    screen.phase(f"{len(rig.crew.members)} processes are ready; insurers publish, clinics deposit, people read")
    unanswered = await _hurt(rig, wanted, screen)
    screen.phase("waiting until nothing moves, and looking at what is left")
    faults = {name: fault.seen for name, fault in wanted.faults.items()}
    verdict = await reach_verdict(
        rig.scene,
        rig.history,
        rig.home / HISTORY,
        faults,
        strict=wanted.strict,
        patience=PATIENCE_S if wanted.mutant is None else BRIEF_PATIENCE_S,
        stuck=unanswered,
    )
    verdict.write(rig.home / VERDICT)
    return verdict


async def _hurt(rig: Rig, wanted: Wanted, screen: Screen) -> dict[str, int]:
    """Let everybody work while it is hurt, then heal it; return what was never answered, if anything."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play(rig.scene, rig.history, stop))
        await strike_all(rig, wanted.strikes, wanted.faults, screen, wanted.seed)
        screen.phase("healed; everybody comes back")
        await rig.whole()
        stop.set()
        screen.phase("the last requests are answered")
        done, _ = await asyncio.wait({playing}, timeout=LAST_WORDS_S)
        playing.cancel()
    return {} if done else {f"workload that a healthy system did not answer for {LAST_WORDS_S:.0f} s": 1}
