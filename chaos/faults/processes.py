"""Processes and servers that die at once, and those that stand still for longer than their heartbeat."""

from dataclasses import dataclass, field
from random import Random

from chaos.cast import HEARTBEAT_S
from chaos.faults import NotNowError
from chaos.rig import Rig

KINDS = ("worker", "jobs", "api", "broker", "database")

BEYOND_HEARTBEAT_S = 3.0 * HEARTBEAT_S
"""The broker gives a silent process up after two heartbeats without a sign."""


@dataclass(slots=True)
class Kill:
    """SIGKILL: no goodbye, no flush. The crew starts it again, as an orchestrator would."""

    kind: str
    lasts: float = 0.0
    seen: int = 0

    @property
    def name(self) -> str:
        """E.g. ``kill-worker``."""
        return f"kill-{self.kind}"

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Kill one of its kind."""
        victim = _choose(rig, self.kind, dice)
        if not rig.crew.kill(victim):
            raise NotNowError
        self.seen += 1
        return victim

    async def heal(self, rig: Rig) -> None:
        """Nothing to undo."""


@dataclass(slots=True)
class Freeze:
    """SIGSTOP beyond the heartbeat, then SIGCONT: a process that comes back and does not know that it was given up."""

    kind: str
    lasts: float = BEYOND_HEARTBEAT_S
    seen: int = 0
    _frozen: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """E.g. ``freeze-worker``."""
        return f"freeze-{self.kind}"

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Stop one of its kind."""
        victim = _choose(rig, self.kind, dice)
        if not rig.crew.freeze(victim):
            raise NotNowError
        self._frozen.append(victim)
        return victim

    async def heal(self, rig: Rig) -> None:
        """Let it go on; it was frozen if it is still there."""
        while self._frozen:
            victim = self._frozen.pop()
            self.seen += victim in rig.crew.frozen
            rig.crew.thaw(victim)


def _choose(rig: Rig, kind: str, dice: Random) -> str:
    if not (victims := rig.crew.victims(kind)):
        raise NotNowError
    return dice.choice(victims)
