"""Rule 15, watched on the wire: what the services ask of the database says how durable and how certain it must be."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import monitoring

from services.audit.adapters.log_rows import prepare as prepare_log
from services.audit.adapters.mongo_accesses import MongoAccesses
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.mongo_log_reader import MongoLogReader
from services.ingest.adapters.mongo_identities import MongoIdentities
from services.notifications.adapters.mongo_contacts import MongoContacts
from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_lines import MongoLines
from shared.http.spent import MongoSpentTokens
from shared.messaging.books import Books
from shared.messaging.held_acts import Act, HeldActs
from shared.messaging.held_sets import HeldSets
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.store import Commit, OutboxRow, Row
from shared.messaging.topology import RECORDS_REIMBURSEMENTS
from shared.messaging.tracing import Tracer
from shared.messaging.unit import State, Unit
from shared.sealing import KeyClass
from shared.settings import ServiceSettings
from tests.integration.conftest import Installation

pytestmark = pytest.mark.integration

READS = {"find", "aggregate", "distinct", "count"}
WRITES = {"insert", "update", "delete", "findAndModify", "commitTransaction"}
RECORD = "5f0c4f6a8a390f6c1d1c7e116f0f9a3e"


class Wiretap(monitoring.CommandListener):
    """Keeps every command that a client sends while it listens."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.listens = False

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Keep it."""
        if self.listens:
            self.heard.append((event.command_name, dict(event.command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Not wanted."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Not wanted."""


@pytest.fixture
def wiretap(monkeypatch: pytest.MonkeyPatch) -> Wiretap:
    """Listen to every client that is opened during the test."""
    tap = Wiretap()
    listeners = monitoring._LISTENERS
    monkeypatch.setattr(monitoring, "_LISTENERS", listeners._replace(command_listeners=[tap]))
    return tap


@pytest.fixture
async def runtime(
    wiretap: Wiretap, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Runtime]:
    """Open what a service stands on, listened to."""
    for name, value in installation.environment("records").items():
        monkeypatch.setenv(name, value)
    async with open_runtime("records", ServiceSettings()) as opened:
        await prepare_log(opened.database)
        wiretap.listens = True
        yield opened
        wiretap.listens = False


async def act(runtime: Runtime) -> None:
    """Do one of everything that the services do with their database."""
    database = runtime.database
    await runtime.vault.ensure_keys([(RECORD, KeyClass.CONTENT)])
    await runtime.vault.ensure_subjects(["index"])
    await runtime.vault.destroy_keys(RECORD, [KeyClass.CONTENT])
    unit = Unit()
    identities = MongoIdentities(database)
    identities.add({RECORD: b"digest"}, unit)
    rows = [Row("k", b"d", State.PARKED, "q", "t.v1", body=b"b"), Row("w", b"d", State.WAITING, "q", "t.v1", body=b"b")]
    outbox = [OutboxRow("o", "owner", "events", "t.v1", b"{}", "application/cloudevents+json", 1)]
    await runtime.inbox.commit(Commit(rows, unit.effects, outbox, {"done": 1}, "q"))
    await runtime.inbox.seen(["k"])
    await runtime.inbox.due("q", runtime.clock.now(), 10)
    await runtime.outbox.beat("owner")
    await runtime.outbox.unsent("owner", 10)
    await runtime.outbox.adopt("owner")
    await runtime.outbox.mark_sent(["o"])
    books = Books(runtime)
    await books.flows()
    await books.outbox()
    await books.rows({}, None, 10)
    sets = HeldSets(database)
    groups, _ = await sets.groups({})
    await sets.remember(groups, "alice")
    for group in groups:
        await sets.standing(await sets.head(group.handle) or {})
    await HeldActs(runtime, sets).on_keys(Act("alice", "discard"), ["k"])
    tracer = Tracer("records", database, [RECORDS_REIMBURSEMENTS])
    await tracer.caused("/ingest|k", await tracer.received("k", ["/ingest"]))
    await tracer.published("k", runtime.clock.now())
    await identities.digests([RECORD])
    await MongoAccounts(database).find([RECORD])
    await MongoAccounts(database).states([RECORD])
    await MongoLines(database).known([RECORD])
    await MongoLines(database).of_record(RECORD, since="2026-01")
    await MongoContacts(database).find([RECORD])
    log = MongoLog(database)
    await log.head()
    await log.recorded([bytes(16)])
    await log.links([RECORD])
    await MongoLogReader(database).leaves(0, 10)
    await MongoAccesses(database).about(RECORD, before=None, since=None, until=None, limit=10)
    await MongoSpentTokens(database).spend("t", runtime.clock.now())


async def test_nothing_is_left_to_a_default(runtime: Runtime, wiretap: Wiretap):
    """Every write asks for a majority and its journal, every read for what a majority has (rule 15)."""
    await act(runtime)

    heard = {name for name, _ in wiretap.heard}
    assert {"insert", "update", "delete", "findAndModify", "commitTransaction", "find", "aggregate"} <= heard
    for name, command in wiretap.heard:
        within = "txnNumber" in command and command.get("autocommit") is False
        if name in WRITES and (not within or name == "commitTransaction"):
            concern = command.get("writeConcern", {})
            assert (concern.get("w"), concern.get("j")) == ("majority", True), (name, command)
        elif name in READS and not within:
            assert command.get("readConcern", {}).get("level") == "majority", (name, command)
        if command.get("startTransaction"):
            assert command["readConcern"]["level"] == "snapshot", (name, command)
