"""The faults of a run, one after the other by the schedule; each is told to the history and shown to the reader."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final

from chaos.faults import Fault, NotNowError
from chaos.rig import Rig
from chaos.schedule import Strike
from chaos.screen import Screen

AGAIN_S: Final = 2.0
TRIES: Final = 6
"""How often a fault is tried that finds nothing to hurt."""

ENCORES: Final = 2
"""Further strikes of what never bit, at the end: a run in which it never did fails."""


async def strike_all(
    rig: Rig, strikes: Sequence[Strike], table: Mapping[str, Fault], screen: Screen, seed: int
) -> None:
    """Strike by the schedule; heal whatever is being hurt however this ends."""
    began, dice = time.monotonic(), Random(f"strikes:{seed}")
    try:
        for strike in strikes:
            await asyncio.sleep(max(0.0, began + strike.at - time.monotonic()))
            await _strike(rig, table[strike.fault], screen, Random(dice.getrandbits(64)))
        for _ in range(ENCORES):
            for name in list(never_seen(table)):
                await _strike(rig, table[name], screen, Random(dice.getrandbits(64)))
    finally:
        for fault in table.values():
            await fault.heal(rig)


async def _strike(rig: Rig, fault: Fault, screen: Screen, dice: Random) -> None:
    before = fault.seen
    struck = await _injected(rig, fault, dice)
    if struck is None:
        rig.history.record("rig", "fault", "fail", name=fault.name)
        screen.nothing_to_hurt(fault.name)
        return
    rig.history.record("rig", "fault", "invoke", name=fault.name, struck=struck)
    with screen.hurting(fault.name, struck, fault.lasts) as line:
        await asyncio.sleep(fault.lasts)
        await fault.heal(rig)
        line.seen = fault.seen - before
    rig.history.record("rig", "fault", "ok" if line.seen else "info", name=fault.name, struck=struck, seen=line.seen)


async def _injected(rig: Rig, fault: Fault, dice: Random) -> str | None:
    for _ in range(TRIES):
        try:
            return await fault.inject(rig, dice)
        except NotNowError:
            await asyncio.sleep(AGAIN_S)
    return None


def never_seen(table: Mapping[str, Fault]) -> Iterator[str]:
    """Yield the chosen faults that never bit: a run proves nothing about them."""
    return (name for name, fault in table.items() if not fault.seen)
