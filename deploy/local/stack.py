"""The broker and the database as one thing that starts in seconds, can be killed, restarted and stopped."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.local import mongodb, rabbitmq
from deploy.local.credentials import ensure_keys, ensure_passwords
from deploy.local.debian import Say
from deploy.local.places import StackError, default_home, folder
from deploy.local.ports import LOOPBACK, answers, assign
from deploy.local.processes import Program, Running, last_lines, launch, running_processes
from deploy.local.users import broker_users

START_SECONDS = 90.0


@dataclass(slots=True)
class Server:
    """A server of the stack that can be killed and started again on the same data and the same port."""

    program: Program
    home: Path
    ready: Callable[[], bool]
    outlive_parent: bool = False
    running: Running | None = None

    def launch(self) -> None:
        """Start the process without waiting for it."""
        self.running = launch(self.program, home=self.home, outlive_parent=self.outlive_parent)

    def wait(self, *, seconds: float = START_SECONDS) -> None:
        """Wait until it answers; raise StackError with the end of its log if it dies or stays silent."""
        deadline = time.monotonic() + seconds
        while not self.ready():
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

    def _complaint(self, what: str) -> str:
        log = self.home / "logs" / f"{self.program.name}.log"
        return f"{self.program.name} {what}. The end of {log}:\n{last_lines(log)}"


@dataclass(slots=True)
class Stack:
    """The addresses of a running broker and database, with the means to kill and restart a native one.

    `broker` and `database` are None when the addresses came from the environment.
    """

    home: Path
    mongo_url: str
    amqp_address: str
    passwords: Mapping[str, str]
    keys_dir: Path
    management_url: str | None = None
    epmd: Server | None = None
    broker: Server | None = None
    database: Server | None = None
    origin: str = field(default="native")

    def amqp_url(self, user: str, vhost: str = "/") -> str:
        """Give the broker's address for one of its users, e.g. `records` or `insurer.cpam-44`.

        An address of the environment that already names a user is given as it is.
        """
        parts = urlsplit(self.amqp_address)
        if parts.username:
            return self.amqp_address
        login = f"{quote(user, safe='')}:{quote(self.passwords[user], safe='')}"
        return urlunsplit((parts.scheme, f"{login}@{parts.netloc}", quote(vhost, safe=""), parts.query, ""))

    def servers(self) -> list[Server]:
        """List the native servers, in the order in which they start."""
        return [each for each in (self.epmd, self.database, self.broker) if each is not None]

    def stop(self) -> None:
        """Stop what this stack started, the last first; nothing else is touched."""
        for server in reversed(self.servers()):
            server.stop()

    def discard(self) -> None:
        """Kill what this stack started: for tests, whose data nobody reads again."""
        for server in reversed(self.servers()):
            server.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_stack(
    home: Path | None = None,
    *,
    management: bool = False,
    cache_gb: float = 0.5,
    outlive_parent: bool = False,
    say: Say = print,
) -> Stack:
    """Start a broker and a database for one folder and wait until both answer; about 5 seconds.

    Addresses in CARNET_AMQP_URL and CARNET_MONGO_URL are used instead when both are set. Call it from the
    main thread; use it as a context manager or call `stop()`. `management` opens the broker's HTTP interface, for
    tests. Raises StackError, a sentence for the reader.
    """
    home = folder((home or default_home()).resolve())
    passwords = ensure_passwords(home, [user.name for user in broker_users()])
    keys = ensure_keys(home)
    amqp, mongo = os.environ.get("CARNET_AMQP_URL"), os.environ.get("CARNET_MONGO_URL")
    if amqp and mongo:
        management_url = os.environ.get("CARNET_MANAGEMENT_URL")
        return Stack(home, mongo, amqp, passwords, keys, management_url, origin="environment")
    _refuse_second_stack(home)
    ports = assign(home, [*rabbitmq.PORTS, "mongo"])
    epmd, broker = rabbitmq.programs(home, ports, passwords, management=management, say=say)
    database = mongodb.program(home, ports["mongo"], say=say, cache_gb=cache_gb)
    amqp, mongo = f"amqp://{LOOPBACK}:{ports['amqp']}/", mongodb.url(ports["mongo"])
    stack = Stack(home, mongo, amqp, passwords, keys)
    if management:
        stack.management_url = f"http://{LOOPBACK}:{ports['management']}"
    stack.epmd = Server(epmd, home, lambda: answers(ports["epmd"]), outlive_parent)
    listening = ("amqp", "management") if management else ("amqp",)

    def broker_ready() -> bool:
        return all(answers(ports[name]) for name in listening) and rabbitmq.speaks_amqp(ports["amqp"])

    stack.broker = Server(broker, home, broker_ready, outlive_parent)
    stack.database = Server(database, home, lambda: mongodb.make_primary(ports["mongo"]), outlive_parent)
    _start_together(stack.epmd, stack.database, stack.broker, stop=stack.stop)
    return stack


def _refuse_second_stack(home: Path) -> None:
    for already in running_processes(home):
        raise StackError(f"{already.name} already runs from {home} (process {already.pid}): `./carnet down` stops it.")


def _start_together(epmd: Server, database: Server, broker: Server, *, stop: Callable[[], None]) -> None:
    try:
        database.launch()
        epmd.start()  # before the broker, which would otherwise start an epmd that nobody owns
        broker.start()
        database.wait()
    except BaseException:
        stop()
        raise
