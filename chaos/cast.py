"""Who plays in a run: every role of every service as processes of their own, each behind links of its own."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from deploy.local.places import CLONE
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Program
from deploy.local.roles import ALL, Role, role_program
from deploy.local.stack import Stack

BROKER, DATABASE = "broker", "database"

OUTSIDE: Final = "outside"
"""The link by which insurers reach the broker."""

HEARTBEAT_S: Final = 3
"""Short, so that a process or a broker frozen for some seconds is given up."""

SETTINGS: Final[Mapping[str, str]] = {
    "CARNET_HEARTBEAT": str(HEARTBEAT_S),
    "CARNET_RETRY_DELAYS": "1,2,4,8",
    "CARNET_CAMPAIGN_EVERY_S": "1",
    "CARNET_DEADLINES_EVERY_S": "1",
}
"""Carnet's own settings, in a hurry: what fails ends within a run. What waited in vain for what an outage held up is
replayed at the end (`chaos.operators`)."""

SINGLE: Final = ("issuer", "witness.north", "witness.south")

LAUNCHED: Final = "chaos.launched"
"""The module that starts a role as it is, with the one weak spot that a poison needs."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process: ``records.worker.2`` is the second that plays ``records.worker``."""

    name: str
    role: Role

    @property
    def kind(self) -> str:
        """What it does: ``worker``, ``jobs``, ``api`` or ``issuer``."""
        return self.role.name.rpartition(".")[2]

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that it connects to."""
        return (BROKER, DATABASE) if self.role.user else ()


def cast(workers: int) -> tuple[Part, ...]:
    """Return everybody: so many of each worker and of each jobs role, one of each role with doors."""
    return tuple(
        Part(f"{role.name}.{number}" if many else role.name, role)
        for role in ALL
        for many in [role.name not in SINGLE and not role.name.endswith(".api")]
        for number in range(1, (workers if many else 1) + 1)
    )


def link_name(part: str, server: str) -> str:
    """Return the name of a process's link to a server."""
    return f"{part}>{server}"


def link_names(parts: Sequence[Part]) -> list[str]:
    """Return the name of every link of a run, which is the name of its port too."""
    return [link_name(OUTSIDE, BROKER), *(link_name(part.name, server) for part in parts for server in part.servers)]


def program(
    part: Part,
    stack: Stack,
    ports: Mapping[str, int],
    *,
    module: Sequence[str] = (LAUNCHED,),
    settings: Mapping[str, str],
) -> Program:
    """Return what starts a process: a role of the local stack whose addresses are those of its links."""
    role, own = part.role, dict(settings)
    if role.user is not None:
        own["CARNET_AMQP_URL"] = through(stack.amqp_url(role.user), ports[link_name(part.name, BROKER)])
        door = ports[link_name(part.name, DATABASE)]
        own["CARNET_MONGO_URL"] = through_alone(stack.database_url(role.user), door)
        if role.removes is not None:
            own["CARNET_GC_MONGO_URL"] = through_alone(stack.database_url(role.removes), door)
    made = role_program(replace(role, name=part.name), stack, ports, settings=own)
    if role.user is None:
        return made
    _, service, *words = role.argv
    return Program(made.name, (sys.executable, "-m", *module, service, *words), made.env, CLONE)


def through(url: str, port: int) -> str:
    """Return an address with a link's port for the server's own."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}{LOOPBACK}:{port}"))


def through_alone(url: str, port: int) -> str:
    """Return a database's address through a link: the driver asks nobody where the servers really are."""
    head, _, query = through(url, port).partition("?")
    kept = [each for each in query.split("&") if each and not each.startswith("replicaSet=")]
    return f"{head}?{'&'.join([*kept, 'directConnection=true'])}"
