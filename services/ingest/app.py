"""Puts ingest together: settings, adapters, handlers, one process per role."""

from services.ingest.adapters.mongo_identities import MongoIdentities
from services.ingest.domain.insurers import parse_insurers
from services.ingest.settings import IngestSettings
from services.ingest.subscribers import subscriptions
from shared.http.api import run_api
from shared.logging import configure_logging
from shared.messaging.runtime import open_runtime
from shared.messaging.vault_rows import VaultRows
from shared.messaging.worker import run_worker

NAME = "ingest"


async def worker() -> None:
    """Consume what insurers publish."""
    settings = IngestSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        identities = MongoIdentities(runtime.database)
        await identities.prepare()
        flows = subscriptions(
            vault=runtime.vault,
            identities=identities,
            insurers=parse_insurers(settings.insurers_file.read_bytes()),
            index_key=runtime.index_key,
            clock=runtime.clock,
            production=settings.production,
        )
        # What insurers send is clear: what has to wait is sealed before it is written.
        await run_worker(runtime, flows, sealer=VaultRows(runtime.vault, NAME, runtime.clock))


async def api() -> None:
    """Open the operators' doors."""
    settings = IngestSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await run_api(runtime)
