"""What goes wrong: a table of faults, each done to a world."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from tests.unit.simulation.chance import chance_from, heard_in
from tests.unit.simulation.loop import SimulatedLoop, simulate
from tests.unit.simulation.network import Server
from tests.unit.simulation.plan import Plan
from tests.unit.simulation.process import Process
from tests.unit.simulation.world import World

Harm: TypeAlias = Callable[[World, Process], Awaitable[None]]


async def happen(world: World, name: str) -> None:
    """Do a fault to a process that runs, if there is one, and to what it stands on."""
    running = [process for process in world.processes if process.host.runs]
    if running:
        world.seen[name] += 1
        await _HARMS[name](world, world.loop.random.choice(running))


def live(plan: Plan) -> World:
    """Live through a plan and return the world as it was in the end."""
    loop = SimulatedLoop(plan.seed)
    world = World(plan, loop)
    with chance_from(loop), heard_in(world.seen):
        simulate(loop, world.run(happen))
    return world


async def _kill(world: World, victim: Process) -> None:
    victim.kill()
    await world.replace(victim)


async def _stop(world: World, victim: Process) -> None:
    await victim.stop()
    await world.replace(victim)


async def _cut(_world: World, victim: Process) -> None:
    victim.cut()


async def _freeze_short(_world: World, victim: Process) -> None:
    victim.freeze()
    await asyncio.sleep(4)
    victim.thaw()


async def _freeze_long(_world: World, victim: Process) -> None:
    """Beyond the heartbeat: the broker takes the messages back, and others adopt what is unsent."""
    victim.freeze()
    await asyncio.sleep(40)
    victim.cut()
    victim.thaw()


async def _database_away(world: World, victim: Process) -> None:
    await _away(world, victim.service.database)


async def _broker_away(world: World, _victim: Process) -> None:
    for process in world.processes:
        if process.host.runs:
            process.cut()
    await _away(world, world.at_broker)


async def _replay(world: World, _victim: Process) -> None:
    world.replay()


async def _away(world: World, server: Server) -> None:
    server.up = False
    await asyncio.sleep(world.loop.random.choice((0.2, 2.0, 7.0)))
    server.up = True


_HARMS: Final[Mapping[str, Harm]] = {
    "kill": _kill,
    "stop": _stop,
    "cut": _cut,
    "freeze-short": _freeze_short,
    "freeze-long": _freeze_long,
    "database-away": _database_away,
    "broker-away": _broker_away,
    "replay": _replay,
}
