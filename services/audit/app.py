"""Puts audit together: settings, adapters, handler, one process per role."""

from typing import Final

from services.audit.adapters.mongo_log import MongoLog, MongoLogReader, prepare
from services.audit.api import log_doors
from services.audit.settings import AuditSettings
from services.audit.subscribers import subscriptions
from shared.http.api import run_api
from shared.logging import configure_logging
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.worker import run_worker
from shared.sealing import Key, KeyClass, Owner
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault

NAME: Final = "audit"
OWN: Final[Owner] = (NAME, KeyClass.INTAKE)


async def worker() -> None:
    """Append what the services publish."""
    settings = AuditSettings()
    configure_logging(NAME, "worker", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await prepare(runtime.database)
        log = MongoLog(runtime.database)
        flows = subscriptions(log=log, vault=runtime.vault, own_key=await _own_key(runtime), clock=runtime.clock)
        await run_worker(runtime, flows)


async def api() -> None:
    """Open the operators' doors; those of patients come with the traced read."""
    settings = AuditSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        reader = MongoLogReader(runtime.database)
        await run_api(runtime, lambda gate: [log_doors(reader, gate.operator)])


async def _own_key(runtime: Runtime) -> Key:
    """Return the key of what belongs to no record: in a vault of audit's own, as in the shared one it only finds."""
    vault = MongoVault(runtime.database, FileKek.read(runtime.settings.keys_dir / "kek"))
    await vault.prepare()
    return (await vault.ensure_keys([OWN]))[OWN]
