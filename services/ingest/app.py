"""Puts ingest together: settings, adapters, handlers, one process per role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import APIRouter

from services.ingest.adapters.cda_reader import Limits
from services.ingest.adapters.mongo_backlog import MongoBacklog
from services.ingest.adapters.mongo_contents import MongoContents
from services.ingest.adapters.mongo_deposits import MongoDeposits
from services.ingest.adapters.mongo_identities import MongoIdentities
from services.ingest.adapters.mongo_states import MongoAccountStates
from services.ingest.adapters.reader_process import ReaderProcess
from services.ingest.api.bodies import Intray
from services.ingest.api.deposits import Counter, deposit_doors
from services.ingest.domain.insurers import parse_insurers
from services.ingest.handlers.answers import Answers
from services.ingest.handlers.deposits import Candidate, Intake, Outcome, deposit
from services.ingest.settings import IngestSettings
from services.ingest.subscribers import own_news, subscriptions
from shared import terminology
from shared.http.api import MAX_BODY, run_api
from shared.http.gate import Gate
from shared.http.identity import Kind
from shared.logging import configure_logging
from shared.messaging.coalescing import Acts
from shared.messaging.gathering import TURN_S
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.vault_rows import VaultRows
from shared.messaging.worker import run_worker
from shared.mongo import stated

NAME = "ingest"

_LANES: Final = 2
"""Commits of deposits that run at a time: one is written while the next is gathered."""


async def worker() -> None:
    """Consume what insurers publish, and the news of accounts and documents."""
    settings = IngestSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        identities = MongoIdentities(runtime.database)
        accounts, deposits = MongoAccountStates(runtime.database), MongoDeposits(runtime.database)
        for prepared in (identities, accounts, deposits):
            await prepared.prepare()
        flows = subscriptions(
            vault=runtime.vault,
            identities=identities,
            insurers=parse_insurers(settings.insurers_file.read_bytes()),
            index_key=runtime.index_key,
            clock=runtime.clock,
            production=settings.production,
        )
        news = own_news(accounts=accounts, deposits=deposits, clock=runtime.clock)
        # What insurers send is clear: what has to wait is sealed before it is written.
        await run_worker(runtime, [*flows, *news], sealer=VaultRows(runtime.vault, NAME, runtime.clock))


async def api() -> None:
    """Open the doors of depositors and operators."""
    settings = IngestSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime, _counter(runtime, settings) as counter:

        def doors(gate: Gate) -> list[APIRouter]:
            return [deposit_doors(counter, depositor=gate.admits(Kind.PROFESSIONAL, Kind.MACHINE))]

        # The counter for deposits refuses sooner, with a code of its own.
        await run_api(runtime, doors, max_body=settings.document_bytes + MAX_BODY)


@asynccontextmanager
async def _counter(runtime: Runtime, settings: IngestSettings) -> AsyncIterator[Counter]:
    """Give where deposits are taken, with readers that end at the end."""
    database = runtime.database
    deposits, accounts = MongoDeposits(database), MongoAccountStates(database)
    contents = MongoContents(stated(runtime.client["contents" + settings.database_suffix]))
    for prepared in (deposits, accounts, contents):
        await prepared.prepare()
    limits = Limits(size=settings.document_bytes, content=settings.file_bytes)
    async with ReaderProcess(
        terms=terminology, production=settings.production, limits=limits, workers=settings.readers
    ) as reader:
        intake = Intake(
            deposits=deposits,
            contents=contents,
            accounts=accounts,
            reader=reader,
            vault=runtime.vault,
            index_key=runtime.index_key,
            clock=runtime.clock,
            combined=settings.confidentiality_combined,
        )
        gathering = Acts[Candidate, Outcome](runtime, partial(deposit, intake=intake), turn=TURN_S, lanes=_LANES)
        intray = Intray(largest=settings.document_bytes, together=settings.bodies_bytes, seconds=settings.body_seconds)
        yield Counter(
            intake,
            intray,
            lambda candidate: gathering.add(candidate, size=len(candidate.body)),
            Answers(deposits),
            MongoBacklog(database),
            coming=gathering.coming,
        )
        await gathering.close()
