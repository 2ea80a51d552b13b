"""Sequencers and the database are killed under load, again and again; then the log is verified from outside."""

import asyncio
import json
import os
import random
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.witnesses import WITNESSES, log_key, policy, witness_name
from services.audit.adapters.mongo_checkpoints import MongoCheckpoints
from services.audit.adapters.mongo_log_reader import MongoLogReader
from services.audit.adapters.vaults import TwoVaults
from shared.mongo import stated
from shared.sealing import KeyClass
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault
from tests.integration.audit.stand import export_of, verdict_of
from tests.integration.audit.test_sequencers import declared, publish
from tests.integration.conftest import ROOT, Installation, Launch, until
from verifier.command import VALID

if TYPE_CHECKING:
    from deploy.local.servers import Server
    from deploy.local.stack import Stack

pytestmark = pytest.mark.integration

EVENTS = 3_000
KILLS = 6


@pytest.fixture
async def witnessed(
    installation: Installation, launch: Launch, unused_tcp_port_factory: Callable[[], int]
) -> AsyncIterator[Launch]:
    """Start two witnesses, and give what starts a role of audit that knows them."""
    secrets = {name: os.urandom(32) for name in ("log", *WITNESSES)}
    for name, secret in secrets.items():
        (installation.keys / name).write_bytes(secret)
        (installation.keys / name).chmod(0o400)
    log = secrets.pop("log")
    (installation.keys / "policy").write_text(policy(log, secrets))
    ports = {name: unused_tcp_port_factory() for name in WITNESSES}
    running = [await _witness(installation.keys, name, port, log) for name, port in ports.items()]
    where = json.dumps({name: f"http://127.0.0.1:{port}" for name, port in ports.items()})

    def start(role: str) -> Awaitable[Process]:
        return launch("audit", role, CARNET_WITNESSES=where, CARNET_HEARTBEAT="2", CARNET_CHECKPOINT_EVERY_S="0.5")

    yield start
    for process in running:
        process.kill()
        await process.wait()


async def _witness(keys: Path, name: str, port: int, log: bytes) -> Process:
    """Start a witness as a process."""
    settings = {"NAME": witness_name(name), "LOGS": json.dumps([log_key(log)]), "HTTP_PORT": str(port)}
    settings |= {"KEY_FILE": str(keys / name), "STORE": str(keys / f"{name}.sqlite")}
    environment = {**os.environ, **{f"CARNET_WITNESS_{key}": value for key, value in settings.items()}}
    command = (sys.executable, "-m", "services.witness", "api")
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)


async def test_whatever_is_killed_the_log_verifies(
    witnessed: Launch, installation: Installation, stack: "Stack", mongo_client: Any, capsys: pytest.CaptureFixture[str]
):
    """SIGKILL of sequencers, signers and mongod under load: each event is logged once, and it verifies (rule 13)."""
    database: Server | None = stack.database  # type: ignore[assignment]
    if database is None or getattr(database, "launch", None) is None:
        pytest.skip("the database came from the environment: this test may not disturb it")
    audit = stated(mongo_client["audit" + installation.suffix])
    reader, shelf = MongoLogReader(audit), MongoCheckpoints(audit)
    sequencer, signer = await witnessed("worker"), await witnessed("jobs")
    await until(lambda: declared(installation), "the first sequencer's start")
    publishing = asyncio.create_task(publish(installation, EVENTS))
    for number in range(KILLS):
        reached = EVENTS // KILLS * number

        async def grown(size: int = reached) -> bool:
            return (await reader.head()).size >= size

        await until(grown, f"{reached} entries")
        await asyncio.sleep(random.random())
        for process in (sequencer, signer)[: 1 + number % 2]:
            process.kill()
            await process.wait()
        if number == KILLS // 2:
            database.kill()
            database.launch()
            await asyncio.to_thread(database.wait)
        sequencer, signer = await witnessed("worker"), await witnessed("jobs") if number % 2 else signer
    await publishing

    async def published() -> bool:
        last = await shelf.published()
        return last is not None and last.checkpoint.size >= EVENTS

    await until(published, "a checkpoint of everything", seconds=120)

    kek = FileKek.read(installation.keys / "kek")
    own = MongoVault(audit, kek)
    key = (await own.ensure_keys([("audit", KeyClass.INTAKE)]))["audit", KeyClass.INTAKE]
    vaults = TwoVaults(MongoVault(stated(mongo_client["vault" + installation.suffix]), kek), own, key)
    exported: Path = installation.keys / "export"
    await export_of(audit, vaults, exported)
    assert verdict_of(exported, installation.keys / "policy") == VALID
    said = capsys.readouterr().out
    assert f"valid: {EVENTS:,} entries" in said
    assert f"texts: {EVENTS:,} proved" in said
