"""A server that can be started, killed and started again on the same data: ours, or one that runs elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.local.places import StackError
from deploy.local.processes import Program, Running, last_lines, launch

START_SECONDS = 120.0


class Restartable(Protocol):
    """What tests do to a broker or a database."""

    def start(self) -> None:
        """Start and wait until it answers."""

    def stop(self) -> None:
        """Stop in good order."""

    def kill(self) -> None:
        """Kill as a power cut would."""

    def ready(self) -> bool:
        """Say whether it answers."""


@dataclass(slots=True)
class Server:
    """A native server of this folder; its port and data stay the same when it comes back."""

    program: Program
    home: Path
    check: Callable[[], bool]
    outlive_parent: bool = False
    running: Running | None = None

    def launch(self) -> None:
        """Start the process without waiting for it."""
        self.running = launch(self.program, home=self.home, outlive_parent=self.outlive_parent)

    def wait(self, *, seconds: float = START_SECONDS) -> None:
        """Wait until it answers; raise StackError with the end of its log if it dies or stays silent."""
        deadline = time.monotonic() + seconds
        while not self.check():
            if self.running is None or not self.running.alive():
                raise StackError(self._complaint("stopped while it was starting"))
            if time.monotonic() > deadline:
                raise StackError(self._complaint(f"did not answer within {seconds:.0f} s"))
            time.sleep(0.05)

    def start(self) -> None:
        """Start the process and wait until it answers; from the main thread (see processes.launch)."""
        self.launch()
        self.wait()

    def stop(self) -> None:
        """Stop the process in good order."""
        if self.running is not None:
            self.running.stop()

    def kill(self) -> None:
        """Kill the process as a power cut would (SIGKILL)."""
        if self.running is not None:
            self.running.kill()

    def ready(self) -> bool:
        """Say whether the server answers."""
        return self.check()

    def _complaint(self, what: str) -> str:
        log = self.home / "logs" / f"{self.program.name}.log"
        return f"{self.program.name} {what}. The end of {log}:\n{last_lines(log)}"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A server whose address was given: it is not ours to start or kill, and stopping leaves it alone."""

    name: str

    def start(self) -> None:
        """Refuse."""
        raise StackError(f"The {self.name} was given by its address: start it where it lives.")

    def kill(self) -> None:
        """Refuse."""
        raise StackError(f"The {self.name} was given by its address: it is not killed from here.")

    def stop(self) -> None:
        """Leave it as it is."""

    def ready(self) -> bool:
        """Assume that it answers: its users will notice."""
        return True
