"""`./carnet ledger` against a running system: whole; then an event that never arrived is named and repaired."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aio_pika
import pytest

from deploy.local.ports import remembered
from shared.clock import paris_date
from shared.messaging.topology import EVENTS, RECORDS_BENEFICIARIES
from simulator.population import people
from simulator.publications import Season, is_open
from tests.e2e.conftest import Demo, Result, publish

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

FLOW: Final = RECORDS_BENEFICIARIES
NAMED_S: Final = 180.0
"""Within a minute at rest; a busy machine takes longer."""


def told(demo: Demo) -> tuple[int, dict[str, Any]]:
    """Return the command's exit code and what it says as JSON."""
    ran = demo.command("ledger", "--json")
    return ran.returncode, json.loads(ran.stdout)


def test_nothing_is_missing(demo: Demo, summary: Result):
    """At rest, each flow's events are accounted for and nothing is missing; insurers alone know what they published."""
    code, ledger = told(demo)

    assert (code, ledger["findings"]) == (0, [])
    flows = {flow["queue"]: flow for flow in ledger["flows"]}
    assert {flow["queue"] for flow in ledger["flows"] if flow["published"] is None} == {
        "ingest.beneficiary.registered.v1",
        "ingest.reimbursement.settled.v1",
        "ingest.unknown",
    }
    assert flows[FLOW.queue]["published"] == flows[FLOW.queue]["applied"] > 0
    assert "Nothing is missing." in demo.command("ledger").stdout


async def test_what_never_arrived_is_named_and_repaired(demo: Demo, summary: Result):
    """A binding that is gone for one event: the ledger names it, a dry run sends nothing, and the repair applies it."""
    person = next(each for each in people(77, 500) if is_open(each))
    now = datetime.now(UTC)
    _, before = told(demo)
    async with unbound(demo):
        await publish(demo, Season(now.isoformat(), paris_date(now)).registration(person))
        until(lambda: applied(demo, "notifications.beneficiary.accepted.v1", before), "the event passes by", 60)

    until(lambda: told(demo)[0] == 1, "the missing event is named", NAMED_S)
    (finding,) = told(demo)[1]["findings"]
    assert (finding["kind"], finding["flow"], finding["origin"], finding["missing"]) == (
        "event-missing",
        FLOW.queue,
        "ingest",
        1,
    )

    dry = demo.command("ledger", "repair", FLOW.queue, "--dry-run")
    assert (dry.returncode, "would be sent again in 1 messages" in dry.stdout) == (0, True), dry.stdout + dry.stderr
    assert not applied(demo, FLOW.queue, before)
    repaired = demo.command("ledger", "repair", FLOW.queue, "--because", "test")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    until(lambda: applied(demo, FLOW.queue, before), "the event is applied", 60)
    until(lambda: told(demo)[0] == 0, "nothing is missing any more", NAMED_S)
    again = demo.command("ledger", "repair", FLOW.queue)
    assert (again.returncode, again.stdout.strip()) == (0, f"Nothing is missing in {FLOW.queue}.")


@pytest.mark.parametrize("queue", ["ingest.reimbursement.settled.v1", "records.ledger.stated.v1", "what"])
def test_what_cannot_be_repaired_is_refused(demo: Demo, summary: Result, queue: str):
    """What insurers sent, only they can send again; and there is no other queue."""
    ran = demo.command("ledger", "repair", queue)

    assert (ran.returncode, "no queue that can be repaired" in ran.stderr) == (3, True)


def applied(demo: Demo, queue: str, before: dict[str, Any]) -> bool:
    """Tell whether a flow has applied one event more than before."""
    counted = [
        next(flow["applied"] for flow in each["flows"] if flow["queue"] == queue) for each in (before, told(demo)[1])
    ]
    return bool(counted[1] == counted[0] + 1)


def until(condition: Any, what: str, seconds: float) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(1)


@asynccontextmanager
async def unbound(demo: Demo) -> AsyncIterator[None]:
    """Take the flow's binding away while the block runs."""
    home = demo.home / "demo"
    password, port = json.loads((home / "passwords.json").read_text())["operator"], remembered(home)["amqp"]
    async with await aio_pika.connect(f"amqp://operator:{password}@127.0.0.1:{port}/") as connection:
        queue = await (await connection.channel()).get_queue(FLOW.queue, ensure=False)
        await queue.unbind(EVENTS, FLOW.key)
        try:
            yield
        finally:
            await queue.bind(EVENTS, FLOW.key)
