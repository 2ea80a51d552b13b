"""The simulated loop: time jumps, chance has a seed, and a killed process never comes back."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.unit.simulation.loop import Host, SimulatedLoop, StandstillError, simulate


def order_of(seed: int) -> list[int]:
    """Return the order in which five tasks that began together came to their third step."""
    order: list[int] = []

    async def walk(name: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        order.append(name)

    async def main() -> None:
        await asyncio.gather(*(walk(name) for name in range(5)))

    simulate(SimulatedLoop(seed), main())
    return order


def test_chance_has_a_seed():
    """The same seed gives the same order; others give others."""
    assert order_of(7) == order_of(7)
    assert len({tuple(order_of(seed)) for seed in range(50)}) > 30


def test_time_jumps():
    """Nobody waits for time: an hour passes as soon as nobody can do anything before."""
    loop = SimulatedLoop(0)
    simulate(loop, asyncio.sleep(3_600))

    assert loop.time() == 3_600


def test_timeouts_are_in_virtual_time():
    """A limit of time ends a wait that would have no end."""

    async def main() -> None:
        async with asyncio.timeout(30):
            await asyncio.Event().wait()

    loop = SimulatedLoop(0)
    with pytest.raises(TimeoutError):
        simulate(loop, main())
    assert loop.time() == 30


def test_standstill_is_seen():
    """A deadlock is an error and not a test that hangs."""
    with pytest.raises(StandstillError):
        simulate(SimulatedLoop(0), asyncio.Event().wait())


def steps_of(treatment: Any) -> list[float]:
    """Return when a process did its steps, one a second, that was treated after two and a half seconds."""
    loop, host, steps = SimulatedLoop(0), Host("p"), []

    async def work() -> None:
        for _ in range(5):
            await asyncio.sleep(1)
            steps.append(loop.time())

    async def main() -> None:
        worker: Coroutine[Any, Any, None] = work()
        loop.create_task(worker, context=host.context())
        await asyncio.sleep(2.5)
        await treatment(loop, host)
        await asyncio.sleep(20)
        steps.append(-1.0)

    simulate(loop, main())
    return steps[: steps.index(-1.0)]


async def kill(loop: SimulatedLoop, host: Host) -> None:
    """End it."""
    loop.halt(host)


async def freeze(loop: SimulatedLoop, host: Host) -> None:
    """Stop it for ten seconds."""
    loop.halt(host)
    await asyncio.sleep(10)
    loop.resume(host)


def test_killed_at_an_await():
    """A killed process never comes to its next step."""
    assert steps_of(kill) == [1, 2]


def test_frozen_goes_on():
    """A frozen process goes on where it stood, and does not know."""
    assert steps_of(freeze) == [1, 2, 12.5, 13.5, 14.5]
