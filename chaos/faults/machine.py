"""What a machine may do: a clock that jumps, a disk that is full."""

import resource
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from chaos.cast import DATABASE
from chaos.faults import NotNowError
from chaos.rig import Rig
from shared.clock import write_ahead

_JUMPS: Final = (timedelta(hours=26), timedelta(hours=3), timedelta(minutes=-90))

_FULL_AT: Final = 1 << 20
"""Bytes: every file that a database writes is longer."""


@dataclass(slots=True)
class ClockJump:
    """The services' calendar jumps, ahead or back, and later to where it was."""

    name: str = "clock-jump"
    lasts: float = 6.0
    seen: int = 0
    _jumped: bool = False

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Jump."""
        jump = dice.choice(_JUMPS)
        write_ahead(rig.clock_file, jump)
        self._jumped = True
        return f"{jump.total_seconds() / 3600:+.1f} h"

    async def heal(self, rig: Rig) -> None:
        """Jump back."""
        if self._jumped:
            self._jumped = False
            write_ahead(rig.clock_file, timedelta())
            self.seen += 1


@dataclass(slots=True)
class DiskFull:
    """No file of the database may grow any more; it takes that as it takes a full disk, and dies.

    A limit on the size of its files (RLIMIT_FSIZE) needs no right that its owner lacks, where a small file system would
    need root. It ends with the process: who starts it again has made room.
    """

    name: str = "disk-full"
    lasts: float = 5.0
    seen: int = 0
    _died: int | None = None

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - there is one
        """Set the limit."""
        pid = rig.crew.members[DATABASE].pid
        if pid is None:
            raise NotNowError
        self._died = rig.crew.unasked[DATABASE]
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_FULL_AT, hard))
        return DATABASE

    async def heal(self, rig: Rig) -> None:
        """Lift the limit from whoever still has it; it was seen if the database died of it."""
        if self._died is not None:
            self.seen += rig.crew.unasked[DATABASE] > self._died
            self._died = None
            if (pid := rig.crew.members[DATABASE].pid) is not None:
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
