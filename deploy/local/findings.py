"""What a machine and a clone have and lack, as lines that a doctor reads out."""

import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.local import gateway, mongodb, rabbitmq, rabbitmq_binaries, roles
from deploy.local.credentials import KEY_NAMES
from deploy.local.places import homes
from deploy.local.ports import answers, remembered
from deploy.local.processes import Running, running_processes

FINE, NOTE, FAILS = "fine", "note", "fails"
MARKS = {FINE: "[green]✓[/]", NOTE: "[yellow]·[/]", FAILS: "[red]✗[/]"}

NEEDED_DISK_GB, COMFORTABLE_DISK_GB = 1.0, 5.0
GIGABYTE = 1 << 30

GIVEN = "from the environment"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `mend` is a sentence that says what to do, empty when there is nothing to do."""

    state: str
    what: str
    found: str
    mend: str = ""


def findings(home: Path) -> Iterator[Finding]:
    """Look at everything; the order is that of a reader who starts from nothing."""
    yield _python()
    addresses = _addresses()
    if addresses.found != GIVEN:
        yield _rabbitmq()
        yield _mongod()
        yield _containers()
    yield _nginx()
    yield addresses
    yield _disk(home)
    yield from _keys(home)
    for each in homes(home):
        yield from _processes(each)


def _python() -> Finding:
    return Finding(FINE, "Python", f"{platform.python_version()} ({sys.executable})")


def _rabbitmq() -> Finding:
    if (found := rabbitmq_binaries.find_scripts()) is not None:
        scripts, root = found
        where = "unpacked in this clone" if root else "installed on this machine"
        return Finding(FINE, "RabbitMQ", f"{rabbitmq_binaries.version(scripts)}, {where}")
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        return Finding(NOTE, "RabbitMQ", "not here yet: fetched from Debian at the first start (60 MB, no root)")
    mend = "install rabbitmq-server, or give addresses in CARNET_AMQP_URL and CARNET_MONGO_URL."
    return Finding(FAILS, "RabbitMQ", "not found, and no apt to fetch it", mend)


def _mongod() -> Finding:
    if (mongod := mongodb.find_mongod()) is None:
        mend = "put mongod on the PATH, or give addresses in CARNET_AMQP_URL and CARNET_MONGO_URL."
        return Finding(FAILS, "MongoDB", f"no mongod for {platform.machine()}", mend)
    if lacking := mongodb.missing_libraries(mongod):
        found = f"{mongod}, without {', '.join(lacking)}: fetched from Debian at the first start"
        return Finding(NOTE, "MongoDB", found)
    return Finding(FINE, "MongoDB", f"{mongodb.version(mongod)} ({mongod})")


def _nginx() -> Finding:
    if (nginx := gateway.find_nginx()) is not None:
        return Finding(FINE, "nginx", f"{gateway.version(nginx)} ({nginx})")
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        return Finding(NOTE, "nginx", "not here yet: fetched from Debian at the first start (2 MB, no root)")
    return Finding(FAILS, "nginx", "not found, and no apt to fetch it", "install nginx: it is the gateway.")


def _containers() -> Finding:
    if not shutil.which("docker"):
        return Finding(NOTE, "Container engine", "none; not needed")
    asked = subprocess.run(["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, check=False)
    version = asked.stdout.decode(errors="replace").strip()
    found = f"answers, version {version}" if asked.returncode == 0 and version else "does not answer; not needed"
    return Finding(NOTE, "Container engine", found)


def _addresses() -> Finding:
    given = [name for name in ("CARNET_AMQP_URL", "CARNET_MONGO_URL") if os.environ.get(name)]
    if len(given) == 1:
        mend = "set both CARNET_AMQP_URL and CARNET_MONGO_URL, or neither."
        return Finding(NOTE, "Addresses", f"only {given[0]} is set, so it is not used", mend)
    return Finding(FINE, "Addresses", GIVEN if given else "this clone's own")


def _disk(home: Path) -> Finding:
    place = next(each for each in (home, *home.parents) if each.exists())
    free = shutil.disk_usage(place).free / GIGABYTE
    state = FAILS if free < NEEDED_DISK_GB else NOTE if free < COMFORTABLE_DISK_GB else FINE
    mend = f"free some space where {place} lies: RabbitMQ refuses messages on a full disk." if state != FINE else ""
    return Finding(state, "Disk", f"{free:.1f} GB free at {place}", mend)


def _keys(home: Path) -> Iterator[Finding]:
    for each in homes(home):
        paths = [each / "keys" / name for name in KEY_NAMES]
        loose = [path for path in paths if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
        lost = [path for path in paths if not path.exists()]
        if loose:
            mend = f"run: chmod 400 {' '.join(map(str, loose))}"
            yield Finding(FAILS, "Keys", f"{each / 'keys'}: readable by others", mend)
        elif lost and (each / "mongodb").exists():
            mend = f"put {lost[0].name} back, or delete {each / 'mongodb'}: what it sealed cannot be read any more."
            yield Finding(FAILS, "Keys", f"{lost[0]} is missing, and there is data sealed with it", mend)
        elif not lost:
            yield Finding(FINE, "Keys", str(each / "keys"))


def _processes(home: Path) -> Iterator[Finding]:
    ports = remembered(home)
    checks: dict[str, Callable[[], bool]] = {
        "rabbitmq": lambda: rabbitmq.speaks_amqp(ports.get("amqp", 0)),
        "mongodb": lambda: answers(ports.get("mongo", 0)),
        "epmd": lambda: answers(ports.get("epmd", 0)),
        gateway.NAME: lambda: gateway.is_ready(home, ports.get(gateway.NAME, 0)),
    }
    for role in roles.ALL:
        port, path = ports.get(role.name, 0), role.ready
        checks[role.name] = lambda port=port, path=path: roles.is_ready(port, path)  # type: ignore[misc]
    running = running_processes(home)
    if not running:
        yield from _squatters(home, ports)
    for each in running:
        yield _process(each, answering=checks.get(each.name, lambda: True)())


def _process(running: Running, *, answering: bool) -> Finding:
    since = datetime.fromtimestamp(running.started).astimezone().strftime("%d/%m %H:%M")
    what, found = f"Process {running.name}", f"{running.pid}, since {since}"
    if answering:
        return Finding(FINE, what, f"{found}, answers")
    return Finding(FAILS, what, f"{found}, does not answer", f"read {running.log}; `./carnet down` stops it.")


def _squatters(home: Path, ports: dict[str, int]) -> Iterator[Finding]:
    taken = [f"{name} {port}" for name, port in ports.items() if answers(port)]
    yield Finding(FINE, "Processes", f"none runs from {home}")
    if taken:
        yield Finding(NOTE, "Ports", f"used by others: {', '.join(taken)}; new ones are picked at the next start")
