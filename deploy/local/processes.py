"""Children started, recorded, recognised again and stopped: by their own id, never by name."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.places import StackError, folder


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a unique name, the command and its whole environment (nothing is inherited)."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None = None


@dataclass(slots=True)
class Running:
    """A started process, recognised by its id and the moment the kernel says it was born."""

    name: str
    pid: int
    born: str
    log: Path
    record: Path
    started: float = 0.0
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def alive(self) -> bool:
        """Say whether this very process still runs (a later process with the same id does not count)."""
        if self.child is not None:
            return self.child.poll() is None
        return birth(self.pid) == self.born

    def kill(self) -> None:
        """Kill the process and its group at once (SIGKILL): no goodbye, no flush."""
        self._signal(signal.SIGKILL)
        self._wait(5.0)
        self.record.unlink(missing_ok=True)

    def stop(self, *, grace: float = 15.0) -> None:
        """Ask politely (SIGTERM), wait `grace` seconds, then kill; a process already gone is fine."""
        self.ask_to_stop()
        if not self._wait(grace):
            self.kill()
        self.record.unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if not self.alive():
            return
        try:
            os.killpg(self.pid, number)  # every child leads its own group: see launch()
        except ProcessLookupError:
            return

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def birth(pid: int) -> str | None:
    """Tell a process's birth, in a form that no other process with this id shares; None if it is dead."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    return None if after_name[0] in "ZX" else f"{_boot_id()}:{after_name[19]}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "-"


def _birth_by_ps(pid: int) -> str | None:
    argv = ["ps", "-o", "lstart=", "-p", str(pid)]
    asked = subprocess.run(argv, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None


def launch(program: Program, *, home: Path, outlive_parent: bool = False) -> Running:
    """Start a program in its own process group, its output appended to `logs/<name>.log`.

    Unless `outlive_parent`, the kernel stops it when the thread that called this ends, however it ends;
    so call it from the main thread. A program of the same name that still runs is an error.
    """
    if (already := find(home, program.name)) is not None:
        raise StackError(f"{program.name} already runs (process {already.pid}): `./carnet down` stops it.")
    log = folder(home / "logs") / f"{program.name}.log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            _tied_to_parent(program.argv) if not outlive_parent else program.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(program.env),
            cwd=program.cwd,
            start_new_session=True,
        )
    record = folder(home / "run") / f"{program.name}.json"
    running = Running(program.name, child.pid, birth(child.pid) or "", log, record, time.time(), child)
    record.write_text(json.dumps({"pid": running.pid, "born": running.born, "started": running.started}))
    return running


def _tied_to_parent(argv: Sequence[str]) -> Sequence[str]:
    """Have the kernel send SIGTERM when the parent dies, even by SIGKILL (util-linux, on every Debian)."""
    tie = shutil.which("setpriv")
    return (tie, "--pdeathsig", "TERM", "--", *argv) if tie else argv


def find(home: Path, name: str) -> Running | None:
    """Find a running process by the record this folder keeps of it; a stale record is removed."""
    record = home / "run" / f"{name}.json"
    try:
        known = json.loads(record.read_text())
        running = Running(
            name,
            int(known["pid"]),
            str(known["born"]),
            home / "logs" / f"{name}.log",
            record,
            float(known["started"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if running.alive():
        return running
    record.unlink(missing_ok=True)
    return None


def running_processes(home: Path) -> list[Running]:
    """List what this folder started and still runs, the oldest first."""
    found = [find(home, record.stem) for record in sorted((home / "run").glob("*.json"))]
    return sorted((each for each in found if each is not None), key=lambda each: each.started)


def stop_together(processes: Sequence[Running], *, grace: float = 15.0) -> None:
    """Ask all of them to stop, then wait for each."""
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop(grace=grace)


def last_lines(log: Path, count: int = 15) -> str:
    """Give the end of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"
