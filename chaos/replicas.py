"""Two more nodes of the broker and two more members of the database: of each three, any one may die.

They are the first node's program with another name, other ports and another folder. The broker's join the first by hand
and take a copy of every quorum queue; the database's are added to its replica set.
"""

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from chaos.cast import BROKER, DATABASE
from chaos.stack import native
from deploy.local import mongodb, rabbitmq
from deploy.local.database_roles import ADMIN
from deploy.local.debian import Say
from deploy.local.places import StackError, folder
from deploy.local.ports import assign
from deploy.local.processes import Program
from deploy.local.servers import Server
from deploy.local.stack import Stack, database_key

MORE: Final = (2, 3)
"""The numbers of the members beside the first."""

_NODE: Final = "carnet@localhost"
_JOIN_S: Final = 60.0
_LOOK_S: Final = 0.2
_GROW: Final = 'rabbit_quorum_queue:grow(\'{node}\', <<".*">>, <<".*">>, all).'
"""Has a node take a copy of every quorum queue that has none there; answers with those, so with nothing at last."""


@dataclass(frozen=True, slots=True)
class Members:
    """Everybody beside the first node, by their names in the crew, and where each server's members listen."""

    servers: Mapping[str, Server] = field(default_factory=dict)
    brokers: tuple[int, ...] = ()
    databases: tuple[int, ...] = ()


def alone(stack: Stack) -> Members:
    """Return that there is nobody beside the first of each."""
    return Members({}, (_port(stack.amqp_address),), (_port(stack.mongo_url),))


@contextlib.contextmanager
def members(stack: Stack, say: Say, *, replicas: bool) -> Iterator[Members]:
    """Start the others and have them join, if there are to be any; end them however this ends."""
    first = alone(stack)
    if not replicas:
        yield first
        return
    say("Starting two more nodes of the broker and of the database ...")
    names = [f"{what}-{number}" for number in MORE for what in ("amqp", "dist", "mongo")]
    ports = assign(stack.home, names)
    brokers = {f"{BROKER}.{n}": _broker(stack, n, ports[f"amqp-{n}"], ports[f"dist-{n}"]) for n in MORE}
    databases = {f"{DATABASE}.{n}": _database(stack, n, ports[f"mongo-{n}"]) for n in MORE}
    found = Members(
        brokers | databases,
        (*first.brokers, *(ports[f"amqp-{n}"] for n in MORE)),
        (*first.databases, *(ports[f"mongo-{n}"] for n in MORE)),
    )
    try:
        for server in found.servers.values():
            server.launch()
        _add(stack, found.databases)
        for server in found.servers.values():
            server.wait()
        for server in brokers.values():
            _join(native(stack.broker), server)
        # The first is not the primary for ever: that it answers as a member is enough.
        native(stack.database).check = partial(_is_member, stack, found.databases[0])
        yield found
    finally:
        for server in found.servers.values():
            server.kill()  # in good order, a node would hand its queues over to the others first


def _broker(stack: Stack, number: int, port: int, dist: int) -> Server:
    """Return a node that knows no definitions: it gets them from the others."""
    one = native(stack.broker).program
    home, own = stack.home / "rabbitmq", folder(stack.home / f"rabbitmq-{number}")
    for name in ("advanced.config", "rabbitmq-env.conf", "enabled_plugins"):
        (own / name).write_text((home / name).read_text())
    conf = re.sub(r"load_definitions = .*\n", "", (home / "rabbitmq.conf").read_text())
    (own / "rabbitmq.conf").write_text(re.sub(r"(listeners\.tcp\.1 = .*:)\d+", rf"\g<1>{port}", conf))
    cookie = own / ".erlang.cookie"
    cookie.touch(mode=0o600)
    cookie.write_bytes((home / ".erlang.cookie").read_bytes())
    cookie.chmod(0o400)
    for room in ("data", "log", "conf.d"):
        folder(own / room)
    env = {name: re.sub(rf"^{re.escape(str(home))}(?=/(?!server)|$)", str(own), text) for name, text in one.env.items()}
    env |= {"RABBITMQ_NODENAME": _name_of(number), "RABBITMQ_DIST_PORT": str(dist)}
    made = Program(f"{one.name}-{number}", one.argv, env, own)
    return Server(made, stack.home, partial(rabbitmq.speaks_amqp, port))


def _name_of(number: int) -> str:
    return _NODE.replace("@", f"-{number}@")


def _join(first: Server, node: Server) -> None:
    """Make a node a member of the first one's cluster, with a copy of every queue."""
    name = node.program.env["RABBITMQ_NODENAME"]
    for words in (("stop_app",), ("join_cluster", _NODE), ("start_app",)):
        _control(node.program, *words)
    _until(lambda: node.check() and _control(first.program, "eval", _GROW.format(node=name)).strip() == "[]", name)


def _control(program: Program, *words: str) -> str:
    tool = Path(program.argv[0]).with_name("rabbitmqctl")
    ran = subprocess.run(
        [str(tool), *words], env=dict(program.env), capture_output=True, text=True, check=False, timeout=_JOIN_S
    )
    if ran.returncode:
        raise StackError(f"rabbitmqctl {' '.join(words)} failed: {ran.stdout}{ran.stderr}")
    return ran.stdout


def _database(stack: Stack, number: int, port: int) -> Server:
    one = native(stack.database).program
    changed = {"--dbpath": str(folder(stack.home / f"mongodb-{number}")), "--port": str(port)}
    argv = [changed.get(before, word) for before, word in zip(("", *one.argv), one.argv, strict=False)]
    made = replace(one, name=f"{one.name}-{number}", argv=tuple(argv))
    return Server(made, stack.home, partial(_is_member, stack, port))


def _add(stack: Stack, ports: tuple[int, ...]) -> None:
    """Add the others to the first one's replica set."""
    with _connected(stack, ports[0]) as client:
        config = client.admin.command("replSetGetConfig")["config"]
        like = config["members"][0]
        host = like["host"].rpartition(":")[0]
        config["members"] = [{**like, "_id": place, "host": f"{host}:{port}"} for place, port in enumerate(ports)]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


def _is_member(stack: Stack, port: int) -> bool:
    """Tell whether a member has all data and answers, as primary or secondary."""
    with contextlib.suppress(PyMongoError), _connected(stack, port) as client:
        said = client.admin.command("hello")
        return bool(said.get("isWritablePrimary") or said.get("secondary"))
    return False


def _connected(stack: Stack, port: int) -> MongoClient[dict[str, Any]]:
    return mongodb.connect(port, username=ADMIN, password=stack.passwords[database_key(ADMIN)])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2].partition("/")[0])


def _until(condition: Callable[[], bool], who: str) -> None:
    ends = time.monotonic() + _JOIN_S
    while not condition():
        if time.monotonic() > ends:
            raise StackError(f"{who} did not join within {_JOIN_S:.0f} s.")
        time.sleep(_LOOK_S)
