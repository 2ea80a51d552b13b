"""What is lost by hand is named by the ledger, and repaired once, on a real broker and a real database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import aio_pika
import httpx
import pytest
from fastapi import FastAPI, Request

from cli.doors import MessagingDoors
from cli.ledger import Repaired, repair_flow
from shared.contracts.operations import OperatorActedV1, OperatorActedV1Data
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.ledger_doors import ledger_doors
from shared.messaging.acts import perform
from shared.messaging.ledger.findings import Finding, Findings
from shared.messaging.ledger.findings import Kind as Missing
from shared.messaging.ledger.keeping import Keeper, keeper_of
from shared.messaging.ledger.repair import Repair
from shared.messaging.runtime import Runtime
from shared.messaging.topology import AUDIT_EVENTS
from shared.messaging.unit import Unit
from tests.fakes.messaging import NOON
from tests.integration.conftest import Installation, Launch, until
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

QUEUE = AUDIT_EVENTS.queue


@dataclass
class Walk:
    """Records publishes, in this process; audit takes, in a process of its own."""

    installation: Installation
    records: Runtime
    audit: Runtime
    keeper: Keeper
    launch: Launch
    published: int = 0

    async def publish(self, messages: int, events: int = 5) -> None:
        """Commit and send so many messages of so many events."""
        for _ in range(messages):
            await perform(self.records, partial(self._emit, events))
        self.published += messages * events
        await until(self._is_sent, "the messages to be sent")

    async def _emit(self, count: int, unit: Unit) -> None:
        data = OperatorActedV1Data(service="records", operator="o", act="show", targets=["k"])
        for _ in range(count):
            unit.emit(OperatorActedV1.new(source="/records", time=NOON, data=data))

    async def _is_sent(self) -> bool:
        return not await self.records.database["outbox"].count_documents({"unsent": True})

    async def worker(self) -> None:
        """Start audit's worker, which looks at its ledger twice a second."""
        await self.launch("audit", CARNET_LEDGER_EVERY_S="0.5")

    async def logged(self) -> int:
        """Return how many entries the log has."""
        return int(await self.audit.database["leaves"].count_documents({}))

    async def is_logged(self) -> bool:
        """Tell whether everything that was published is in the log."""
        return await self.logged() >= self.published

    async def found(self, service: Runtime) -> list[Finding]:
        """Have records look, and return what stands at a service."""
        await self.keeper.keep(partial(perform, self.records))
        return await Findings(service.database).standing()

    def names(self, service: Runtime, kind: Missing, missing: int) -> Callable[[], Awaitable[bool]]:
        """Return what tells whether so much of a kind is named, and nothing else."""

        async def named() -> bool:
            found = await self.found(service)
            return {each.kind for each in found} == {kind} and sum(each.missing for each in found) == missing

        return named

    async def is_clean(self) -> bool:
        """Tell whether nothing is missing anywhere."""
        return not (await self.found(self.records) or await self.found(self.audit))

    async def repair(self) -> list[Repaired]:
        """Do what `./carnet ledger repair` does, at the real doors."""
        transports = {f"http://{each.service}": _doors(each) for each in (self.records, self.audit)}
        async with httpx.AsyncClient(mounts=transports) as client:
            doors = MessagingDoors(client, {address[7:]: address for address in transports})
            return await repair_flow(doors, QUEUE, "queue deleted", dry_run=False)


def _doors(runtime: Runtime) -> httpx.ASGITransport:
    async def operator(_request: Request) -> Principal:
        return Principal(sub="alice", kind=Kind.OPERATOR, roles=frozenset())

    app = FastAPI()
    problems.install(app)
    app.include_router(ledger_doors(Findings(runtime.database), Repair(runtime), operator=operator))
    return httpx.ASGITransport(app)


@pytest.fixture
async def walk(installation: Installation, launch: Launch) -> AsyncIterator[Walk]:
    """Give the two services."""
    async with AsyncExitStack() as opened:
        records = await opened.enter_async_context(runtime_of(installation, "records"))
        audit = await opened.enter_async_context(runtime_of(installation, "audit"))
        relay = asyncio.create_task(records.relay.run())
        yield Walk(installation, records, audit, keeper_of(records, []), launch)
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay


async def test_a_missing_queue_is_named(walk: Walk, stack: Any, vhost: str):
    """A queue that somebody deleted is named by its consumer, until it is there again (rule 8)."""
    from deploy.local.vhosts import load_topology

    await walk.worker()
    await walk.publish(2)
    await until(walk.is_logged, "the first messages to be logged")
    await _delete(walk.installation, QUEUE)

    await until(walk.names(walk.audit, Missing.QUEUE, 1), "the missing queue to be named")
    load_topology(stack, vhost)
    await until(walk.is_clean, "the queue to be there again")


async def _delete(installation: Installation, queue: str) -> None:
    connection = await aio_pika.connect(installation.amqp_url("operator"))
    async with connection, connection.channel() as channel:
        await channel.queue_delete(queue)


async def test_messages_of_a_deleted_queue_are_sent_again(walk: Walk, stack: Any, vhost: str):
    """Messages that went with their queue are named, sent again to it alone, and applied once (rules 8 and 14)."""
    from deploy.local.vhosts import load_topology

    await walk.publish(4)
    await _delete(walk.installation, QUEUE)
    load_topology(stack, vhost)
    await walk.publish(1)
    await walk.worker()
    await until(walk.names(walk.audit, Missing.EVENT, 20), "the lost events to be named")
    assert await walk.logged() == 5

    first, second = await walk.repair(), await walk.repair()

    assert [(each.found, each.messages, each.left) for each in first] == [(20, 4, False)]
    assert sum(each.messages for each in second) in (0, 4)
    walk.published += sum(1 for each in (*first, *second) if each.messages)  # the log has the operator's acts as well
    await until(walk.is_logged, "everything to be logged")
    await until(walk.is_clean, "the finding to end")
    assert await walk.logged() == walk.published
    assert await walk.repair() == []


async def test_a_removed_inbox_row_is_named(walk: Walk):
    """An inbox row removed by hand is named at its consumer; nothing is sent again, for its event took effect."""
    await walk.worker()
    await walk.publish(2)
    await until(walk.is_logged, "the messages to be logged")
    row = await walk.audit.database["inbox"].find_one_and_delete({"_id": {"$regex": "^audit.all"}})
    assert row is not None

    await until(walk.names(walk.audit, Missing.INBOX_ROW, 1), "the missing row to be named")
    assert await walk.repair() == []

    await walk.audit.database["inbox"].insert_one(row)
    await until(walk.is_clean, "the finding to end")


async def test_a_deleted_outbox_row_is_named(walk: Walk):
    """An outbox row deleted by hand is named at its publisher, sent or not; unsent, at its consumer as well."""
    await walk.worker()
    await walk.publish(2)
    await until(walk.is_logged, "the messages to be logged")
    gone = await walk.records.database["outbox"].find_one_and_delete({"exchange": "events"})
    assert gone is not None

    await until(walk.names(walk.records, Missing.OUTBOX_ROW, 1), "the missing message to be named")
    (finding,) = await Findings(walk.records.database).standing()
    assert finding.flow == "events/operator.acted.v1"
    assert await Findings(walk.audit.database).standing() == []

    await walk.records.database["outbox"].insert_one(gone)
    await until(walk.is_clean, "the finding to end")
