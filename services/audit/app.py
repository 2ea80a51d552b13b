"""Puts audit together: settings, adapters, handlers, one process per role."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import httpx
from fastapi import APIRouter
from pymongo import AsyncMongoClient

from services.audit.adapters.http_witnesses import HttpWitness
from services.audit.adapters.log_rows import openings_database, prepare
from services.audit.adapters.mongo_accesses import MongoAccesses
from services.audit.adapters.mongo_checkpoints import MongoCheckpoints
from services.audit.adapters.mongo_erasures import MongoEraser, MongoErasures
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.mongo_log_reader import MongoLogReader
from services.audit.adapters.mongo_marks import MongoMarks
from services.audit.adapters.mongo_overseers import MongoOverseers
from services.audit.adapters.mongo_series import MongoSeries
from services.audit.adapters.mongo_tiles import MongoTiles
from services.audit.adapters.vaults import TwoVaults
from services.audit.api.accesses import access_doors
from services.audit.api.completeness import completeness_doors
from services.audit.api.erasing import erasing_doors
from services.audit.api.exporting import export_doors
from services.audit.api.fhir import fhir_doors
from services.audit.api.handover import handover_doors
from services.audit.api.log import log_doors
from services.audit.api.proofs import proof_doors
from services.audit.api.receipts import receipt_doors
from services.audit.api.tiles import entry_doors, tile_doors
from services.audit.handlers.accesses import Desk
from services.audit.handlers.counting import TraceCheck
from services.audit.handlers.erasing import Erasing
from services.audit.handlers.exporting import Archive
from services.audit.handlers.proving import Prover
from services.audit.handlers.signing import Signing, standing
from services.audit.jobs import jobs as plan
from services.audit.settings import AuditSettings
from services.audit.subscribers import subscriptions
from shared.http.api import run_api
from shared.http.gate import Gate
from shared.http.identity import Kind
from shared.http.metrics import Gauge
from shared.logging import configure_logging
from shared.messaging.acts import perform
from shared.messaging.coalescing import Appends
from shared.messaging.jobs import run_jobs
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.worker import run_worker
from shared.mongo import Document, stated
from shared.notes import NoteSigner
from shared.sealing import Key, KeyClass, Owner
from shared.sealing.kek import FileKek, read_secret
from shared.sealing.mongo_vault import MongoVault
from verifier.notes import Kind as SignatureKind
from verifier.policies import parse_policy

NAME: Final = "audit"
OWN: Final[Owner] = (NAME, KeyClass.INTAKE)


async def worker() -> None:
    """Append what the services publish."""
    settings = AuditSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await prepare(runtime.database)
        log = MongoLog(runtime.database)
        own_key = await _own_key(_own_vault(runtime))
        marks, series = MongoMarks(runtime.database), MongoSeries(runtime.database)
        await marks.prepare()
        flows = subscriptions(
            log=log,
            vault=runtime.vault,
            own_key=own_key,
            clock=runtime.clock,
            marks=marks,
            series=series,
            overseers=MongoOverseers(runtime.database),
        )
        await run_worker(runtime, flows, checks=[TraceCheck(series, timedelta(seconds=settings.trace_overdue_s))])


async def jobs() -> None:
    """Sign the log, and have it witnessed."""
    settings = AuditSettings()
    configure_logging(NAME, "jobs", settings.log_level)
    async with open_runtime(NAME, settings) as runtime, httpx.AsyncClient(trust_env=False) as client:
        await prepare(runtime.database)
        signing, erasing = _signing(runtime, settings, client), await _erasing(runtime)
        every = timedelta(seconds=settings.checkpoint_every_s)
        async with _eraser(runtime, settings) as eraser:
            await run_jobs(runtime, plan(signing, erasing, eraser, checkpoint_every=every))


async def api() -> None:
    """Open the doors of patients, operators and whoever mirrors the log."""
    settings = AuditSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await prepare(runtime.database)
        reader, shelf = MongoLogReader(runtime.database), MongoCheckpoints(runtime.database)
        tiles = MongoTiles(runtime.database)
        appends = Appends(runtime)
        desk, erasing = await _desk(runtime, appends), await _erasing(runtime)
        archive = Archive(reader, desk.vaults, appends.add, runtime.clock)

        def doors(gate: Gate) -> list[APIRouter]:
            operator, second = gate.operator, gate.second_operator
            reading = gate.admits(Kind.PATIENT, Kind.PROFESSIONAL)
            own = [log_doors(reader, operator), entry_doors(reader, operator), export_doors(archive, operator)]
            own += [tile_doors(shelf, tiles), proof_doors(Prover(tiles, shelf))]
            own += [erasing_doors(erasing, partial(perform, runtime), operator, second)]
            own += [completeness_doors(MongoSeries(runtime.database), operator)]
            own += [handover_doors(desk, operator, second, production=settings.production)]
            return own + [made(desk, reading) for made in (access_doors, receipt_doors, fhir_doors)]

        await run_api(runtime, doors, gauges=partial(_gauges, runtime, reader, shelf))
        await appends.close()


async def _gauges(runtime: Runtime, reader: MongoLogReader, shelf: MongoCheckpoints) -> Sequence[Gauge]:
    stands = await standing(reader, shelf, runtime.clock)
    return [
        Gauge("carnet_log_entries", "Entries in the log.", stands.size),
        Gauge("carnet_log_published_entries", "Entries that the last published checkpoint covers.", stands.published),
        Gauge("carnet_log_merge_delay_seconds", "Age of the oldest entry it does not cover.", stands.waiting_ms / 1000),
    ]


def _signing(runtime: Runtime, settings: AuditSettings, client: httpx.AsyncClient) -> Signing:
    """Return what the log signs with: its name is the one under which the policy knows its key."""
    policy = parse_policy((settings.keys_dir / "policy").read_text("utf-8"))
    (name,) = {key.name for key in policy.logs}
    witnesses = [HttpWitness(policy.witnesses[name], url, client) for name, url in settings.witnesses.items()]
    return Signing(
        log=MongoLogReader(runtime.database),
        tiles=MongoTiles(runtime.database),
        shelf=MongoCheckpoints(runtime.database),
        signer=NoteSigner(name, SignatureKind.LOG, read_secret(settings.keys_dir / "log")),
        witnesses=witnesses,
        policy=policy,
    )


async def _erasing(runtime: Runtime) -> Erasing:
    erasures = MongoErasures(runtime.database)
    await erasures.prepare()
    return Erasing(erasures, runtime.clock)


@asynccontextmanager
async def _eraser(runtime: Runtime, settings: AuditSettings) -> AsyncIterator[MongoEraser]:
    """Give what destroys openings, with the one connection that may."""
    address = (settings.gc_mongo_url or settings.mongo_url).get_secret_value()
    async with AsyncMongoClient[Document](address, appname=runtime.process, serverSelectionTimeoutMS=5_000) as client:
        database = client[openings_database(runtime.database.name)]
        yield MongoEraser(stated(database)["openings"])


async def _desk(runtime: Runtime, appends: Appends) -> Desk:
    own = _own_vault(runtime)
    return Desk(
        log=MongoLogReader(runtime.database),
        prover=Prover(MongoTiles(runtime.database), MongoCheckpoints(runtime.database)),
        entries=MongoAccesses(runtime.database),
        marks=MongoMarks(runtime.database),
        overseers=MongoOverseers(runtime.database),
        vaults=TwoVaults(runtime.vault, own, await _own_key(own)),
        append=appends.add,
        clock=runtime.clock,
        index_key=runtime.index_key,
    )


def _own_vault(runtime: Runtime) -> MongoVault:
    """Return a vault of audit's own, as in the shared one it only finds."""
    return MongoVault(runtime.database, FileKek.read(runtime.settings.keys_dir / "kek"))


async def _own_key(vault: MongoVault) -> Key:
    """Return the key of what belongs to no record."""
    await vault.prepare()
    return (await vault.ensure_keys([OWN]))[OWN]
