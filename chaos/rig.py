"""What a run stands on: processes, links, servers, history; faults touch nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from chaos.cast import (
    BROKER,
    DATABASE,
    LAUNCHED,
    OUTSIDE,
    SETTINGS,
    Part,
    cast,
    link_name,
    link_names,
    program,
    through,
)
from chaos.crew import Crew, Member
from chaos.history import History
from chaos.proxy import Link
from chaos.replicas import Members, alone
from chaos.scene import Scene
from chaos.stack import BrokerHands, native
from cli.doors import SERVICES
from deploy.local.ports import LOOPBACK, assign
from deploy.local.roles import is_ready
from deploy.local.servers import Server
from deploy.local.stack import Stack
from deploy.local.users import insurers

CLOCK: Final = "clock"
"""The file that the services' clocks follow, inside the run's folder."""

HISTORY: Final = "history.jsonl"

_LOOK_S: Final = 0.2

Database = AsyncMongoClient[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Rig:
    """A running Carnet that may be hurt."""

    stack: Stack
    scene: Scene
    history: History
    crew: Crew
    links: Mapping[str, Link]
    broker: BrokerHands
    mongo: Database
    """The database's administrator, past every link."""

    @property
    def home(self) -> Path:
        """The run's folder."""
        return self.stack.home

    @property
    def clock_file(self) -> Path:
        """How many seconds ahead the services live."""
        return self.home / CLOCK

    def links_to(self, server: str) -> list[Link]:
        """Return every process's link to ``broker`` or ``database``."""
        return [link for name, link in self.links.items() if name.endswith(f">{server}")]

    async def parked(self, reason: str) -> int:
        """Return how many events were set aside for a reason, in every service; 0 while nobody can tell."""
        found = 0
        with contextlib.suppress(PyMongoError):
            for service in SERVICES:
                found += await self.mongo[service]["inbox"].count_documents({"state": "parked", "reason": reason})
        return found

    async def whole(self, *, seconds: float = 120.0) -> None:
        """Heal the links, thaw the frozen and wait until everybody is ready again."""
        for link in self.links.values():
            link.heal()
        for name in list(self.crew.frozen):
            self.crew.thaw(name)
        await self.crew.ready(seconds=seconds)


@contextlib.asynccontextmanager
async def rigged(
    stack: Stack,
    *,
    seed: int,
    workers: int,
    module: Sequence[str] = (LAUNCHED,),
    settings: Mapping[str, str] | None = None,
    others: Members | None = None,
) -> AsyncIterator[Rig]:
    """Start every process behind its links and wait until all are ready; stop them however this ends.

    ``others``: the servers' further members, where they are clusters.
    """
    parts, others = cast(workers), others or alone(stack)
    ports = assign(stack.home, [*(part.name for part in parts), *link_names(parts)])
    links = {name: _link(name, ports[name], others) for name in link_names(parts)}
    history = History.open(stack.home / HISTORY)
    environment = {**SETTINGS, "CARNET_CLOCK_FILE": str(stack.home / CLOCK), **(settings or {})}
    own = {part.name: Member(_server(part, stack, ports, module, environment)) for part in parts}
    servers = {BROKER: Member(native(stack.broker)), DATABASE: Member(native(stack.database))}
    crew = Crew({**own, **servers, **{name: Member(each) for name, each in others.servers.items()}}, history)
    async with contextlib.AsyncExitStack() as exits:
        exits.callback(history.close)
        for link in links.values():
            await link.open()
            exits.push_async_callback(link.close)
        mongo: Database = await exits.enter_async_context(AsyncMongoClient(stack.mongo_url, tz_aware=True))
        exits.push_async_callback(asyncio.to_thread, crew.stop, list(own))  # the links serve meanwhile
        crew.start(own)
        async with watched(crew), followed(mongo, links, others):
            await crew.ready()
            yield Rig(stack, _scene(stack, ports, seed), history, crew, links, BrokerHands(stack), mongo)


@contextlib.asynccontextmanager
async def watched(crew: Crew) -> AsyncIterator[None]:
    """Start again whatever dies while the block runs."""
    watch = asyncio.create_task(crew.watch())
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


@contextlib.asynccontextmanager
async def followed(mongo: Database, links: Mapping[str, Link], others: Members) -> AsyncIterator[None]:
    """Lead every link to whichever member of the database is primary, while the block runs."""

    async def follow() -> None:
        leads = others.databases[0]
        while True:
            await asyncio.sleep(_LOOK_S)
            primary = await mongo.primary
            if primary is None or primary[1] == leads:
                continue
            leads = primary[1]
            for link in (each for name, each in links.items() if name.endswith(f">{DATABASE}")):
                link.servers = _in_order(sorted(others.databases, key=lambda port: port != leads))
                link.cut()

    following = asyncio.create_task(follow()) if len(others.databases) > 1 else None
    try:
        yield
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def _server(
    part: Part, stack: Stack, ports: Mapping[str, int], module: Sequence[str], settings: Mapping[str, str]
) -> Server:
    made = program(part, stack, ports, module=module, settings=settings)
    return Server(made, stack.home, partial(is_ready, ports[part.name], part.role.ready))


def _link(name: str, port: int, others: Members) -> Link:
    """Return a way to a server: to the database's first member, to any of the broker's nodes."""
    if name.endswith(f">{DATABASE}"):
        return Link(name, port, _in_order(others.databases))
    first = port % len(others.brokers)
    return Link(name, port, _in_order([*others.brokers[first:], *others.brokers[:first]]))


def _in_order(ports: Sequence[int]) -> tuple[tuple[str, int], ...]:
    return tuple((LOOPBACK, port) for port in ports)


def _scene(stack: Stack, ports: Mapping[str, int], seed: int) -> Scene:
    doors = {service: f"http://{LOOPBACK}:{ports[f'{service}.api']}" for service in SERVICES}
    doors["issuer"] = f"http://{LOOPBACK}:{ports['issuer']}"
    way = ports[link_name(OUTSIDE, BROKER)]
    brokers = {str(each["code"]): through(stack.amqp_url(str(each["user"])), way) for each in insurers()}
    return Scene(doors, brokers, stack.mongo_url, stack.keys_dir, stack.home / "logs", seed)
