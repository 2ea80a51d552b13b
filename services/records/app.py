"""Puts records together: settings, adapters, handlers, one process per role."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from fastapi import APIRouter
from pymongo import AsyncMongoClient

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_contents import MongoContents
from services.records.adapters.mongo_documents import MongoDocuments
from services.records.adapters.mongo_glances import MongoGlances
from services.records.adapters.mongo_lines import MongoLines
from services.records.adapters.mongo_notices import MongoNotices
from services.records.adapters.mongo_oppositions import MongoOppositions
from services.records.adapters.mongo_rights import MongoRights
from services.records.adapters.mongo_traces import MongoTraces
from services.records.adapters.mongo_tries import MongoTries
from services.records.adapters.mongo_unclaimed import MongoContentBin, MongoUnclaimed
from services.records.adapters.typst_proofs import TypstProofs
from services.records.api.asking import Reception
from services.records.api.campaign import campaign_doors
from services.records.api.care import care_doors
from services.records.api.counter import Counter
from services.records.api.governing import governing_doors
from services.records.api.opposition import opposition_doors
from services.records.api.proofs import proof_doors
from services.records.api.reading import reading_doors
from services.records.handlers.desk import Desk
from services.records.handlers.keeping import Keeper
from services.records.handlers.sweeping import Sweep
from services.records.handlers.tracing import Tracer
from services.records.handlers.visits import ReadingRoom
from services.records.jobs import jobs as jobs_of
from services.records.settings import RecordsSettings
from services.records.subscribers import subscriptions
from shared.clock import SystemClock
from shared.http.api import run_api
from shared.http.gate import Gate
from shared.http.identity import Kind
from shared.logging import configure_logging
from shared.messaging.acts import perform
from shared.messaging.jobs import run_jobs
from shared.messaging.numbers import numbers_of
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.worker import run_worker
from shared.mongo import Document, stated

NAME = "records"

_GRACE_S: Final = 5.0
"""How long the messages of the last reads may take to be committed, and to be sent, when the process stops."""


async def worker() -> None:
    """Consume what records listens to."""
    settings = RecordsSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        desk, lines = await _desk(runtime), MongoLines(runtime.database)
        documents, traces = MongoDocuments(runtime.database), MongoTraces(runtime.database)
        unclaimed = MongoUnclaimed(runtime.database)
        for prepared in (lines, documents, traces, unclaimed):
            await prepared.prepare()
        flows = subscriptions(
            accounts=desk.accounts,
            lines=lines,
            notices=desk.notices,
            documents=documents,
            unclaimed=unclaimed,
            traces=traces,
            policy=settings.notice_policy,
            clock=runtime.clock,
        )
        await run_worker(runtime, flows)


async def jobs() -> None:
    """Do what time starts, as the one instance that does or as one that stands by."""
    settings = RecordsSettings()
    configure_logging(NAME, "jobs", settings.log_level)
    async with open_runtime(NAME, settings) as runtime, _sweep(runtime, settings) as sweep:
        plan = jobs_of(
            await _desk(runtime),
            settings.campaign(),
            sweep,
            notices_per_round=settings.notices_per_round,
            campaign_every=timedelta(seconds=settings.campaign_every_s),
            deadlines_every=timedelta(seconds=settings.deadlines_every_s),
            gc_every=timedelta(seconds=settings.gc_every_s),
        )
        await run_jobs(runtime, plan)


async def api() -> None:
    """Open the doors of people, professionals, agents and operators."""
    settings = RecordsSettings()
    configure_logging(NAME, "api", settings.log_level)
    proofs = TypstProofs(demonstration=settings.demonstration)
    async with open_runtime(NAME, settings) as runtime, proofs:
        desk, traces = await _desk(runtime), MongoTraces(runtime.database)
        await traces.prepare()
        keeper = Keeper(traces, partial(perform, runtime, races=False), SystemClock(), numbers_of(runtime.process))
        tracer = Tracer(traces, keeper.keep, runtime.vault, runtime.clock, SystemClock(), runtime.index_key)
        reception = await _reception(runtime, settings, tracer)
        counter = Counter(partial(perform, runtime), desk, runtime.index_key, settings.production)
        campaign = partial(
            campaign_doors,
            desk.accounts,
            desk.notices,
            campaign=settings.campaign(),
            policy=settings.notice_policy,
            clock=runtime.clock,
        )

        def doors(gate: Gate) -> list[APIRouter]:
            agent = gate.admits(Kind.PHONE_AGENT)
            people = opposition_doors(counter, agent=agent)
            anybody = gate.admits(*Kind)  # who may not is denied by the one decision, and traced
            record = [made(reception, reader=anybody) for made in (reading_doors, care_doors, governing_doors)]
            return [*record, people, proof_doors(counter, proofs, agent=agent), campaign(operator=gate.operator)]

        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(keeper.run())
            await run_api(runtime, doors)
            keeping.cancel()
        await keeper.drain(_GRACE_S)
        await runtime.relay.drain(_GRACE_S)


@asynccontextmanager
async def _sweep(runtime: Runtime, settings: RecordsSettings) -> AsyncIterator[Sweep]:
    """Give what removes contents, with the one connection that may."""
    unclaimed = MongoUnclaimed(runtime.database)
    await unclaimed.prepare()
    address = (settings.gc_mongo_url or settings.mongo_url).get_secret_value()
    async with AsyncMongoClient[Document](address, appname=runtime.process, serverSelectionTimeoutMS=5_000) as client:
        yield Sweep(
            unclaimed=unclaimed,
            documents=MongoDocuments(runtime.database),
            bin=MongoContentBin(stated(client["contents" + settings.database_suffix])),
            machine=SystemClock(),
            grace=timedelta(seconds=settings.gc_grace_s),
        )


async def _reception(runtime: Runtime, settings: RecordsSettings, tracer: Tracer) -> Reception:
    """Return what the doors of records stand on, its stores made ready."""
    database = runtime.database
    documents, lines = MongoDocuments(database), MongoLines(database)
    rights = MongoRights(database)
    for prepared in (documents, lines, rights):
        await prepared.prepare()
    room = ReadingRoom(
        glances=MongoGlances(database),
        documents=documents,
        contents=MongoContents(stated(runtime.client["contents" + settings.database_suffix])),
        lines=lines,
        rights=rights,
        vault=runtime.vault,
        tracer=tracer,
        index_key=runtime.index_key,
        clock=runtime.clock,
        valid_for=timedelta(days=settings.authorisation_days),
    )
    return Reception(room, partial(perform, runtime), runtime.index_key, settings.production)


async def _desk(runtime: Runtime) -> Desk:
    """Return the stores, made ready, and the key that codes are derived under."""
    database = runtime.database
    accounts, notices = MongoAccounts(database), MongoNotices(database)
    oppositions, tries = MongoOppositions(database), MongoTries(database)
    for prepared in (accounts, notices, oppositions, tries):
        await prepared.prepare()
    codes_key = hmac.digest(runtime.index_key, b"carnet/codes", "sha256")
    return Desk(accounts, notices, oppositions, tries, runtime.vault, codes_key, runtime.clock)
