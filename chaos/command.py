"""A run from its beginning to its exit code."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.status import Status

from chaos.faults import Fault
from chaos.rig import Rig, rigged
from chaos.schedule import Strike
from chaos.screen import Screen
from chaos.striking import strike_all
from chaos.workload import play
from deploy.local.stack import Stack

GOOD, WRONG = 0, 1

LAST_WORDS_S: Final = 120.0
"""How long the workload may take to have its last requests answered by a system that is whole again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    seed: int
    workers: int
    faults: Mapping[str, Fault]
    strikes: Sequence[Strike]


async def course(stack: Stack, wanted: Wanted, console: Console, status: Status) -> int:
    """Hurt a system that works, let it heal, judge it, and return the exit code."""
    screen = Screen(console, status)
    screen.phase("starting every process behind links of its own")
    async with rigged(stack, seed=wanted.seed, workers=wanted.workers) as rig:
        screen.phase(f"{len(rig.crew.members)} processes are ready; insurers publish, clinics deposit, people read")
        await _hurt(rig, wanted, screen)
    return GOOD


async def _hurt(rig: Rig, wanted: Wanted, screen: Screen) -> None:
    """Let everybody work while it is hurt, then heal it; raise what ended the workload early."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play(rig.scene, rig.history, stop))
        await strike_all(rig, wanted.strikes, wanted.faults, screen, wanted.seed)
        screen.phase("healed; everybody comes back")
        await rig.whole()
        stop.set()
        screen.phase("the last requests are answered")
        await asyncio.wait_for(playing, LAST_WORDS_S)
