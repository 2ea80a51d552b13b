"""What happens to connections: cut, refused, slowed down, stalled, left half open, garbled."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from chaos.cast import BROKER, DATABASE
from chaos.faults.processes import BEYOND_HEARTBEAT_S
from chaos.proxy import Link
from chaos.rig import Rig

CHUNKS = 4
"""How many chunks get garbage at a time."""

DELAYS_S = (0.05, 0.4)

PATIENCE_S = 10.0
"""How much longer a fault waits for somebody to strike."""

_LOOK_S = 0.2


@dataclass(slots=True)
class Network:
    """Bad weather on all links to one server, or on those of one process."""

    name: str
    lasts: float
    hurt: Callable[[Link, Random], object]
    proof: str
    """What the links count when it bites."""
    seen: int = 0
    _hurt: list[tuple[Link, int]] = field(default_factory=list)

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Choose links and hurt them."""
        what, links = _some_links(rig, dice)
        for link in links:
            self._hurt.append((link, link.counted[self.proof]))
            self.hurt(link, dice)
        return what

    async def heal(self, rig: Rig) -> None:  # noqa: ARG002 - it knows its links
        """Clear the sky once a single connection or chunk was struck, or nobody came by for long."""
        for _ in range(round(PATIENCE_S / _LOOK_S)):
            if self._bit or not self._hurt:
                break
            await asyncio.sleep(_LOOK_S)
        self.seen += self._bit
        for link, _ in self._hurt:
            link.heal()
        self._hurt.clear()

    @property
    def _bit(self) -> bool:
        return any(link.counted[self.proof] > before for link, before in self._hurt)


def _some_links(rig: Rig, dice: Random) -> tuple[str, Sequence[Link]]:
    server = dice.choice((BROKER, DATABASE))
    links = [link for link in rig.links_to(server) if link.connections]
    if dice.random() < 0.5 or not links:
        return f"everybody>{server}", rig.links_to(server)
    chosen = dice.choice(links)
    return chosen.name, [chosen]


def network() -> tuple[Network, ...]:
    """Return every fault of connections."""
    return (
        Network("cut", 0.0, lambda link, _: link.cut(), "cut"),
        Network("refuse", 6.0, lambda link, _: link.refuse(), "cut"),
        Network("delay", 8.0, lambda link, dice: link.delay(dice.uniform(*DELAYS_S)), "held"),
        Network("stall", BEYOND_HEARTBEAT_S, lambda link, _: link.freeze(), "held"),
        Network("half-open", BEYOND_HEARTBEAT_S, lambda link, _: link.half_open(), "swallowed"),
        Network("corrupt", 4.0, lambda link, _: link.corrupt(CHUNKS), "garbled"),
    )
