"""The broker and the database as one thing that starts in seconds, can be killed, restarted and stopped."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.local import mongodb, rabbitmq
from deploy.local.credentials import ensure_keys, ensure_passwords
from deploy.local.database_roles import ADMIN, DATABASE_USERS, ROLES, set_up
from deploy.local.debian import Say
from deploy.local.places import StackError, default_home, folder
from deploy.local.ports import LOOPBACK, answers, assign
from deploy.local.processes import running_processes
from deploy.local.servers import Elsewhere, Restartable, Server
from deploy.local.users import broker_users
from deploy.local.witnesses import ensure_policy


@dataclass(slots=True)
class Stack:
    """The addresses of a running broker and database, with the means to kill and restart them.

    `origin` is `native`, `containers` or `environment`; given addresses cannot be killed (StackError).
    """

    home: Path
    mongo_url: str
    """The database's address for its administrator: services have their own, see `database_url`."""
    amqp_address: str
    passwords: Mapping[str, str]
    keys_dir: Path
    broker: Restartable
    database: Restartable
    management_url: str | None = None
    companions: tuple[Restartable, ...] = ()
    origin: str = "native"

    def amqp_url(self, user: str, vhost: str = "/") -> str:
        """Give the broker's address for one of its users, e.g. `records` or `insurer.cpam-44`.

        An address of the environment that already names a user is given as it is.
        """
        parts = urlsplit(self.amqp_address)
        if parts.username:
            return self.amqp_address
        login = f"{quote(user, safe='')}:{quote(self.passwords[user], safe='')}"
        return urlunsplit((parts.scheme, f"{login}@{parts.netloc}", quote(vhost, safe=""), parts.query, ""))

    def database_url(self, user: str) -> str:
        """Give the database's address for one of its users, e.g. `records`.

        An address of the environment is given as it is, and so is that of an engine's database, which has no users.
        """
        if self.origin != "native":
            return self.mongo_url
        return mongodb.url(urlsplit(self.mongo_url).port or 0, user, self.passwords[database_key(user)])

    def stop(self) -> None:
        """Stop what this stack started, and nothing else."""
        for server in (self.broker, self.database, *self.companions):
            server.stop()

    def discard(self) -> None:
        """Stop in a hurry: for tests, whose data nobody reads again."""
        for server in (self.broker, self.database, *self.companions):
            if self.origin == "native":
                server.kill()
            else:
                server.stop()

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
    failpoints: bool = False,
    outlive_parent: bool = False,
    say: Say = print,
) -> Stack:
    """Start a broker and a database for one folder and wait until both answer; about 5 seconds.

    Addresses in CARNET_AMQP_URL and CARNET_MONGO_URL are used instead when both are set. Call it from the
    main thread; use it as a context manager or call `stop()`. `management` opens the broker's HTTP interface,
    for tests; `failpoints` lets the database's administrator have commands fail, for chaos. Raises StackError,
    a sentence for the reader.
    """
    home = folder((home or default_home()).resolve())
    users = [*(user.name for user in broker_users()), *map(database_key, DATABASE_USERS)]
    passwords = ensure_passwords(home, users)
    admin = passwords[database_key(ADMIN)]
    keys = ensure_keys(home)
    ensure_policy(home, keys)
    if (given := _given(home, passwords, keys)) is not None:
        return given
    for already in running_processes(home):
        raise StackError(f"{already.name} already runs from {home} (process {already.pid}): `./carnet down` stops it.")
    ports = assign(home, [*rabbitmq.PORTS, "mongo"])
    epmd, broker = rabbitmq.programs(home, ports, passwords, management=management, say=say)
    database = mongodb.program(home, ports["mongo"], say=say, cache_gb=cache_gb, failpoints=failpoints)

    def broker_ready() -> bool:
        return (not management or answers(ports["management"])) and rabbitmq.speaks_amqp(ports["amqp"])

    native = (
        Server(broker, home, broker_ready, outlive_parent),
        Server(database, home, lambda: mongodb.make_primary(ports["mongo"], admin), outlive_parent),
        Server(epmd, home, lambda: answers(ports["epmd"]), outlive_parent),
    )
    _start_together(*native, lambda: _set_up_database(ports["mongo"], passwords))
    address, url = f"amqp://{LOOPBACK}:{ports['amqp']}/", mongodb.url(ports["mongo"], ADMIN, admin)
    http = f"http://{LOOPBACK}:{ports['management']}" if management else None
    return Stack(home, url, address, passwords, keys, *native[:2], http, native[2:])


def _given(home: Path, passwords: Mapping[str, str], keys: Path) -> Stack | None:
    amqp, mongo = os.environ.get("CARNET_AMQP_URL"), os.environ.get("CARNET_MONGO_URL")
    if not (amqp and mongo):
        return None
    http = os.environ.get("CARNET_MANAGEMENT_URL")
    elsewhere = (Elsewhere("broker"), Elsewhere("database"))
    return Stack(home, mongo, amqp, passwords, keys, *elsewhere, http, origin="environment")


def database_key(user: str) -> str:
    """Give the name under which a database user's password is kept: the broker has users of the same names."""
    return f"mongodb:{user}"


def _set_up_database(port: int, passwords: Mapping[str, str]) -> None:
    with mongodb.connect(port, username=ADMIN, password=passwords[database_key(ADMIN)]) as client:
        set_up(client, {user: passwords[database_key(user)] for user in ROLES})


def _start_together(broker: Server, database: Server, epmd: Server, prepare: Callable[[], None]) -> None:
    """Start all, and make what services need in the database while the broker is still starting."""
    try:
        database.launch()
        epmd.start()  # before the broker, which would otherwise start an epmd that nobody owns
        broker.launch()
        database.wait()
        prepare()
        broker.wait()
    except BaseException:
        for server in (broker, database, epmd):
            server.stop()
        raise
