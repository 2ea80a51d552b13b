"""The processes of a run: watched, hurt by name, and started again when they die, as an orchestrator does."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chaos.history import History
from deploy.local.places import StackError
from deploy.local.processes import last_lines, stop_together
from deploy.local.servers import Server

_LOOK_S: Final = 0.2
_READY_S: Final = 120.0

FIRST_PAUSE_S, LONGEST_PAUSE_S, FORGIVEN_AFTER_S = 0.5, 8.0, 20.0
"""Before a process that died by itself is started again, twice as long each time until it has run for a while."""


@dataclass(slots=True)
class Member:
    """One process and what was done to it."""

    server: Server
    began: float = 0.0
    pause: float = FIRST_PAUSE_S
    due: float | None = None
    """When it is started again, by the monotonic clock."""
    killed: bool = False

    @property
    def pid(self) -> int | None:
        """The id of the process, if it runs."""
        running = self.server.running
        return running.pid if running is not None and running.alive() else None


@dataclass(slots=True)
class Crew:
    """Every process of a run by name, ``broker`` and ``database`` among them."""

    members: Mapping[str, Member]
    history: History
    restarts: Counter[str] = field(default_factory=Counter)
    """Processes started again after they died, by name."""
    unasked: Counter[str] = field(default_factory=Counter)
    """Those of them that nobody had killed."""
    frozen: set[str] = field(default_factory=set)

    def named(self, kind: str) -> list[str]:
        """Return the names of the processes of a kind: ``worker``, ``jobs``, ``api``, ``broker``, ``database``."""
        return [name for name in self.members if kind in name.split(".")]

    def victims(self, kind: str) -> list[str]:
        """Return those of a kind that run and that nothing is being done to."""
        return [
            name
            for name in self.named(kind)
            if (member := self.members[name]).pid is not None and not member.killed and name not in self.frozen
        ]

    def start(self, names: Iterable[str]) -> None:
        """Start processes without waiting for them; from the main thread."""
        for name in names:
            self._launch(self.members[name])

    def _launch(self, member: Member) -> None:
        member.server.launch()
        member.began, member.due, member.killed = time.monotonic(), None, False

    async def watch(self) -> None:
        """Start again whatever died, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """Note who died, and start again whose pause is over."""
        now = time.monotonic()
        for name, member in self.members.items():
            if member.due is not None:
                if now >= member.due:
                    self._launch(member)
            elif member.server.running is not None and member.pid is None:
                self._note_death(name, member, now)

    def _note_death(self, name: str, member: Member, now: float) -> None:
        rested = member.killed or now - member.began > FORGIVEN_AFTER_S
        pause = FIRST_PAUSE_S if rested else member.pause
        member.due, member.pause = now + pause, min(2 * pause, LONGEST_PAUSE_S)
        self.restarts[name] += 1
        self.unasked[name] += not member.killed
        self.frozen.discard(name)
        child = member.server.running.child if member.server.running else None
        code = child.returncode if child else None
        self.history.record("rig", "restart", "info", name=name, code=code, killed=member.killed)

    def kill(self, name: str) -> bool:
        """Kill a process at once (SIGKILL); return whether it was there."""
        self.members[name].killed = self._signal(name, signal.SIGKILL)
        return self.members[name].killed

    def freeze(self, name: str) -> bool:
        """Stop a process where it stands (SIGSTOP); return whether it was there."""
        if not self._signal(name, signal.SIGSTOP):
            return False
        self.frozen.add(name)
        return True

    def thaw(self, name: str) -> None:
        """Let it go on (SIGCONT)."""
        self.frozen.discard(name)
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> bool:
        if (pid := self.members[name].pid) is None:
            return False
        os.killpg(pid, number)  # every process leads a group of its own: see deploy.local.processes.launch
        return True

    async def ready(self, names: Iterable[str] | None = None, *, seconds: float = _READY_S) -> None:
        """Wait until these, or all, are ready, each for so long; raise StackError with the log of one that is not."""
        for name in names or self.members:
            deadline = time.monotonic() + seconds
            while not await self.is_ready(name):
                if time.monotonic() > deadline:
                    log = self.log(name)
                    raise StackError(f"{name} was not ready within {seconds:.0f} s. End of {log}:\n{last_lines(log)}")
                await asyncio.sleep(_LOOK_S)

    async def is_ready(self, name: str) -> bool:
        """Ask a process whether it is ready."""
        member = self.members[name]
        return member.pid is not None and await asyncio.to_thread(member.server.ready)

    def log(self, name: str) -> Path:
        """Return the file that a process writes to."""
        server = self.members[name].server
        return server.home / "logs" / f"{server.program.name}.log"

    def stop(self, names: Iterable[str]) -> None:
        """Stop processes in good order; whoever is frozen is thawed first."""
        for name in list(self.frozen):
            self.thaw(name)
        running = [self.members[name].server.running for name in names]
        stop_together([each for each in running if each is not None])
