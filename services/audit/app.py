"""Puts audit together: settings, adapters, handler, one process per role."""

from typing import Final

from services.audit.adapters.mongo_accesses import MongoAccesses
from services.audit.adapters.mongo_log import MongoLog, prepare
from services.audit.adapters.mongo_log_reader import MongoLogReader
from services.audit.adapters.vaults import TwoVaults
from services.audit.api.accesses import access_doors
from services.audit.api.log import log_doors
from services.audit.handlers.accesses import Desk
from services.audit.settings import AuditSettings
from services.audit.subscribers import subscriptions
from shared.http.api import run_api
from shared.http.identity import Kind
from shared.logging import configure_logging
from shared.messaging.coalescing import Appends
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
        own_key = await _own_key(_own_vault(runtime))
        flows = subscriptions(log=log, vault=runtime.vault, own_key=own_key, clock=runtime.clock)
        await run_worker(runtime, flows)


async def api() -> None:
    """Open the doors of patients and operators."""
    settings = AuditSettings()
    configure_logging(NAME, "api", settings.log_level)
    async with open_runtime(NAME, settings) as runtime:
        await prepare(runtime.database)
        reader = MongoLogReader(runtime.database)
        appends = Appends(runtime)
        desk = await _desk(runtime, appends)
        await run_api(
            runtime,
            lambda gate: [log_doors(reader, gate.operator), access_doors(desk, gate.admits(Kind.PATIENT))],
        )
        await appends.close()


async def _desk(runtime: Runtime, appends: Appends) -> Desk:
    own = _own_vault(runtime)
    return Desk(
        entries=MongoAccesses(runtime.database),
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
