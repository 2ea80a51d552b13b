"""Puts records together: settings, adapters, handlers, one process per role."""

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_lines import MongoLines
from services.records.settings import RecordsSettings
from services.records.subscribers import subscriptions
from shared.http.api import run_api
from shared.logging import configure_logging
from shared.messaging.runtime import open_runtime
from shared.messaging.worker import run_worker

NAME = "records"


async def worker() -> None:
    """Consume what records listens to."""
    settings = RecordsSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        accounts, lines = MongoAccounts(runtime.database), MongoLines(runtime.database)
        await accounts.prepare()
        await lines.prepare()
        await run_worker(runtime, subscriptions(accounts=accounts, lines=lines, clock=runtime.clock))


async def api() -> None:
    """Open the operators' doors; those of patients and professionals come with the traced read."""
    settings = RecordsSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await run_api(runtime)
