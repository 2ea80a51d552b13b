"""What a service says of one event's way, on a real database: from rows as the core itself writes them."""

from typing import Any

import httpx
import pytest

from shared.contracts.records import RecordUpdatedV1, RecordUpdatedV1Data
from shared.messaging.outbox import outbox_rows
from shared.messaging.runtime import Runtime
from shared.messaging.store import Commit, Row
from shared.messaging.unit import State, Unit
from tests.fakes.messaging import NOON
from tests.integration.shared.operators import ALICE, QUEUE, bearer

pytestmark = pytest.mark.integration

RECORD = "c" * 32


def event(cause: str) -> RecordUpdatedV1:
    """Return an event that names a cause."""
    data = RecordUpdatedV1Data(lines=1, reversals=0, months=["2026-10"])
    made = RecordUpdatedV1.new(source="/records", time=NOON, subject=RECORD, data=data)
    return made.model_copy(update={"causationid": cause})


async def commit(runtime: Runtime, *events: RecordUpdatedV1, keys: tuple[str, ...]) -> None:
    """Take events in one commit and publish others because of them."""
    unit = Unit()
    for each in events:
        unit.emit(each)
    rows = [Row(f"{QUEUE}|/ingest|{key}", b"d" * 16, State.DONE, QUEUE, "reimbursement.received.v1") for key in keys]
    await runtime.inbox.commit(Commit(rows, outbox=outbox_rows(unit.emitted, runtime.process), queue=QUEUE))


async def ask(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    """Ask the door."""
    answer = await client.get("/ops/messaging/trace", headers=ALICE, params=query)
    told: dict[str, Any] = answer.json()
    return told


async def test_what_an_event_caused(runtime: Runtime, client: httpx.AsyncClient):
    """An event's receipt, and of its commit the events that name it as cause; of the others only how many."""
    mine, other = event("/ingest|e1"), event("/ingest|e2")
    await commit(runtime, mine, other, keys=("e1", "e2", "e3"))
    await commit(runtime, event("/ingest|e1"), keys=("e4",))

    told = await ask(client, id="e1")

    (receipt,) = told["received"]
    assert (receipt["service"], receipt["source"], receipt["state"]) == ("records", "/ingest", "done")
    assert [(each["id"], each["type"], each["cause"]) for each in told["caused"]] == [
        (mine.id, "record.updated.v1", "/ingest|e1")
    ]
    assert told["beside"] == {"record.updated.v1": 1}


async def test_nothing_of_what_it_says(runtime: Runtime, client: httpx.AsyncClient):
    """A trace names no record and nothing of an event's data."""
    await commit(runtime, event("/ingest|e1"), keys=("e1",))
    text = (await client.get("/ops/messaging/trace", headers=ALICE, params={"id": "e1"})).text
    assert RECORD not in text
    assert "2026-10" not in text


async def test_who_published_it_and_why(runtime: Runtime, client: httpx.AsyncClient):
    """The publisher finds the envelope of its event from about when it was received, and so its cause."""
    made = event("/ingest|e1")
    await commit(runtime, made, keys=("e1",))
    told = await ask(client, id=made.id, source="/records")
    assert (told["published"]["id"], told["published"]["cause"]) == (made.id, "/ingest|e1")
    assert "sent" not in told["published"]
    assert (await ask(client, id=made.id, source="/records", before="2020-01-01T00:00:00Z"))["published"] is None


async def test_what_is_no_id(client: httpx.AsyncClient):
    """What has not the form of an id is refused, and nobody asks without a token."""
    assert (await client.get("/ops/messaging/trace", headers=ALICE, params={"id": "a b"})).status_code == 422
    assert (await client.get("/ops/messaging/trace", params={"id": "a"})).status_code == 401
    agent = {"authorization": bearer("p", "phone-agent")}
    assert (await client.get("/ops/messaging/trace", headers=agent, params={"id": "a"})).status_code == 403
