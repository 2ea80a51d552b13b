"""A log made by audit's own parts on a real database: handler, signer, witnesses, doors; and its export, verified."""

import asyncio
import os
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx
from fastapi import FastAPI, Request
from pymongo.asynchronous.database import AsyncDatabase

from cli.exporting import export
from services.audit.adapters.http_witnesses import HttpWitness
from services.audit.adapters.log_rows import Collections, prepare
from services.audit.adapters.mongo_checkpoints import MongoCheckpoints
from services.audit.adapters.mongo_erasures import MongoEraser, MongoErasures
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.mongo_log_reader import MongoLogReader
from services.audit.adapters.mongo_tiles import MongoTiles
from services.audit.adapters.vaults import TwoVaults
from services.audit.api.exporting import export_doors
from services.audit.api.log import log_doors
from services.audit.api.proofs import proof_doors
from services.audit.api.tiles import entry_doors, tile_doors
from services.audit.domain.envelope import Envelope
from services.audit.handlers.appending import append_entries
from services.audit.handlers.erasing import Erasing, destroy_openings
from services.audit.handlers.exporting import Archive
from services.audit.handlers.proving import Prover
from services.audit.handlers.signing import Signing, sign_checkpoint
from services.witness.adapters.sqlite_checkpoints import SqliteCheckpoints
from services.witness.api import application
from shared.clock import SystemClock
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.server import serving
from shared.messaging.unit import Unit
from shared.mongo import DURABLE, SNAPSHOT, stated
from shared.sealing import KeyClass
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault
from tests.fakes.entries import told
from tests.fakes.signing import LOG, NORTH, POLICY, SOUTH
from verifier.command import run
from verifier.policies import parse_policy

Database = AsyncDatabase[dict[str, Any]]
T = TypeVar("T")
ADA, BOB = "a" * 32, "b" * 32
NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Hand:
    """A clock set by hand."""

    instant: datetime = NOON

    def now(self) -> datetime:
        """Return the instant, a millisecond later each time."""
        self.instant += timedelta(milliseconds=1)
        return self.instant


@dataclass
class Stand:
    """Audit, its database and its witnesses, with their hands on the table."""

    database: Database
    shared: MongoVault
    own: MongoVault
    witnesses: list[httpx.AsyncClient]
    folder: Path
    clock: Hand = field(default_factory=Hand)
    emitted: list[Any] = field(default_factory=list)
    key: Any = None

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.at = Collections.of(self.database)
        self.sequencer, self.reader = MongoLog(self.database), MongoLogReader(self.database)
        self.shelf, self.tiles = MongoCheckpoints(self.database), MongoTiles(self.database)
        self.signing = self.signer()
        self.prover = Prover(self.tiles, self.shelf)
        self.erasing = Erasing(MongoErasures(self.database), self.clock)

    def signer(self, database: Database | None = None) -> Signing:
        """Return a signer that has just started, on this log or on another with the same key."""
        database = self.database if database is None else database
        return Signing(
            log=MongoLogReader(database),
            tiles=MongoTiles(database),
            shelf=MongoCheckpoints(database),
            signer=LOG,
            witnesses=[
                HttpWitness(each.key, "http://witness", client)
                for each, client in zip((NORTH, SOUTH), self.witnesses, strict=True)
            ],
            policy=parse_policy(POLICY),
        )

    async def tell(self, *events: Envelope | str | None, sequencer: MongoLog | None = None) -> None:
        """Have events logged as one batch; a text is the record that an event of no interest is about."""
        self.key = self.key or (await self.own.ensure_keys([("audit", KeyClass.INTAKE)]))["audit", KeyClass.INTAKE]
        envelopes = [each if isinstance(each, Envelope) else told(each) for each in events]
        log, unit = sequencer or self.sequencer, Unit()
        await append_entries(envelopes, unit, log=log, vault=self.shared, own_key=self.key, clock=self.clock)
        await self.commit(unit)

    async def fill(self, batches: int = 3, size: int = 100) -> None:
        """Have events about two records and about nobody logged, and the log signed."""
        for _ in range(batches):
            await self.tell(*((ADA, BOB, None)[number % 3] for number in range(size)))
        await self.sign()

    async def sign(self, signing: Signing | None = None) -> None:
        """Sign, have witnessed and publish, as the job does."""
        await sign_checkpoint(self.perform, signing=signing or self.signing)

    async def erase(self) -> None:
        """Destroy what was ordered to be destroyed, and log what was published meanwhile."""
        await destroy_openings(self.perform, erasing=self.erasing, eraser=MongoEraser(self.at.openings))
        events, self.emitted = self.emitted, []
        await self.tell(*(told(**document) for document in events))

    async def perform(self, work: Callable[[Unit], Awaitable[T]], **_options: Any) -> T:
        """Do an act in a transaction of its own."""
        unit = Unit()
        answer = await work(unit)
        await self.commit(unit)
        self.emitted += [
            {"wire_type": each.event.type, "source": "/audit", "data": each.event.data.model_dump(exclude_none=True)}
            for each in unit.emitted
        ]
        return answer

    async def commit(self, unit: Unit) -> None:
        """Apply a unit as the inbox does."""
        async with (
            self.database.client.start_session() as session,
            await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE),
        ):
            for effect in unit.effects:
                await effect(session)

    async def export(self, name: str = "export") -> Path:
        """Export the log through its doors."""
        await export_of(self.database, TwoVaults(self.shared, self.own, self.key), self.folder / name)
        return self.folder / name

    def verify(self, exported: Path, since: Path | None = None) -> int:
        """Return the verifier's exit code; it prints what it found."""
        policy = self.folder / "policy"
        policy.write_text(POLICY)
        return verdict_of(exported, policy, since)


def verdict_of(exported: Path, policy: Path, since: Path | None = None) -> int:
    """Return the verifier's exit code for an export."""
    return run(Namespace(what="export", policy=policy, folder=exported, since=since))


async def export_of(database: Database, vaults: TwoVaults, folder: Path) -> None:
    """Export a log through audit's doors, as `./carnet audit export` does."""
    async with doors_of(database, vaults) as url:
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            await asyncio.to_thread(export, client, folder)


@asynccontextmanager
async def doors_of(database: Database, vaults: TwoVaults) -> AsyncIterator[str]:
    """Open audit's doors of a log, and give their address."""
    reader, shelf, tiles = MongoLogReader(database), MongoCheckpoints(database), MongoTiles(database)

    async def append(unit: Unit) -> None: ...

    app = FastAPI()
    problems.install(app)
    archive = Archive(reader, vaults, append, SystemClock())
    own = [log_doors(reader, operator), entry_doors(reader, operator), export_doors(archive, operator)]
    for router in (*own, tile_doors(shelf, tiles), proof_doors(Prover(tiles, shelf))):
        app.include_router(router)
    async with serving(app, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


async def operator(_request: Request) -> Principal:
    """Let anybody in as an operator."""
    return Principal("o", Kind.OPERATOR, frozenset())


@asynccontextmanager
async def a_stand(database: Database, folder: Path) -> AsyncIterator[Stand]:
    """Give an empty log with two witnesses."""
    await prepare(database)
    await MongoErasures(database).prepare()
    kek = FileKek(os.urandom(32))
    vault = database.client[f"{database.name}_vault_{uuid4().hex[:4]}"]
    shared, own = MongoVault(stated(vault), kek), MongoVault(database, kek)
    for each in (shared, own):
        await each.prepare()
    await shared.ensure_keys([(ADA, KeyClass.AUDIT), (BOB, KeyClass.AUDIT)])
    open_client = partial(httpx.AsyncClient, base_url="http://witness")
    apps = [
        application(
            logs={LOG.key.name: [LOG.key]},
            seen=SqliteCheckpoints(folder / f"{name}.sqlite"),
            signer=signer,
            clock=SystemClock(),
        )
        for name, signer in (("north", NORTH), ("south", SOUTH))
    ]
    clients = [open_client(transport=httpx.ASGITransport(app)) for app in apps]
    try:
        yield Stand(database, shared, own, clients, folder)
    finally:
        for client in clients:
            await client.aclose()
        await database.client.drop_database(vault.name)
