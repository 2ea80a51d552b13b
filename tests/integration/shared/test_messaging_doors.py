"""The operators' doors on a real database and broker: what they show, and what each act changes and leaves."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.http import problems
from shared.http.gate import SECOND
from shared.http.messaging_doors import messaging_doors
from shared.messaging.books import Books
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.store import Commit, Row
from shared.messaging.topology import RECORDS_REIMBURSEMENTS
from shared.messaging.unit import State
from shared.settings import ServiceSettings
from simulator.issuer import mint, new_key
from tests.fakes.gate import KnownKeys, gate_of
from tests.fakes.messaging import ManualClock
from tests.integration.conftest import Installation

pytestmark = pytest.mark.integration

KEY = new_key()
QUEUE = RECORDS_REIMBURSEMENTS.queue


NOW = datetime.now(UTC)
"""When the tokens of these tests were made, and what their gate's clock shows however long the tests take."""


def bearer(sub: str, kind: str = "operator") -> str:
    """Return the value of a header that says who calls."""
    return f"Bearer {mint(KEY, kind=kind, sub=sub, now=NOW)}"


ALICE = {"authorization": bearer("alice")}
BOTH = {**ALICE, SECOND: bearer("bruno")}


@pytest.fixture
async def runtime(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """Open what the records service stands on, in databases and a virtual host of this test."""
    for name, value in installation.environment("records").items():
        monkeypatch.setenv(name, value)
    async with open_runtime("records", ServiceSettings()) as opened:
        yield opened


@pytest.fixture
async def client(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the doors."""
    app = FastAPI()
    problems.install(app)
    gate = gate_of(KnownKeys(KEY), clock=ManualClock(NOW))
    app.include_router(
        messaging_doors(
            Books(runtime),
            [RECORDS_REIMBURSEMENTS],
            runtime.publisher.depth,
            operator=gate.operator,
            second_operator=gate.second_operator,
        )
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://records") as opened:
        yield opened


def row(key: str, state: State, **details: Any) -> Row:
    """Return a row of the flow."""
    wire_type = "reimbursement.received.v1"
    return Row(key, b"d" * 16, state, QUEUE, wire_type, body=b"sealed", **details)


async def fill(runtime: Runtime) -> None:
    """Write one event of every end."""
    rows = [
        row("a", State.DONE),
        row("b", State.PARKED, reason="failed", fingerprint="ValueError@store:1", attempts=4),
        row("c", State.PARKED, reason="account-unknown", attempts=4),
        row("d", State.WAITING, reason="failed", attempts=1, due=datetime.now(UTC) + timedelta(hours=1)),
        row("e", State.QUARANTINED, reason="ins-unknown"),
        row("f", State.REFUSED, reason="ins-key"),
    ]
    tally = {"done": 1, "refused.ins-key": 1, "emitted.events.record.updated.v1": 3}
    await runtime.inbox.commit(Commit(rows, tally=tally, queue=QUEUE))


async def traces(runtime: Runtime) -> list[dict[str, Any]]:
    """Return what operators' acts have put into the outbox."""
    rows = await runtime.database["outbox"].find().sort("created", 1).to_list()
    return [json.loads(found["body"])["data"] for found in rows]


async def test_the_summary_is_the_books(runtime: Runtime, client: httpx.AsyncClient):
    """Ends are as the commits counted them, what is held as it stands, what is queued as the broker says."""
    await fill(runtime)

    summary = (await client.get("/ops/messaging", headers=ALICE)).json()

    flow = summary["flows"][QUEUE]
    assert flow["done"] == 1
    assert flow["refused"] == {"ins-key": 1}
    assert flow["parked"] == {"failed": 1, "account-unknown": 1}
    assert flow["waiting"] == {"failed": 1}
    assert flow["quarantined"] == {"ins-unknown": 1}
    assert flow["emitted"] == {"events": {"record.updated.v1": 3}}
    assert (flow["queued"], flow["dead"]) == (0, 0)
    assert summary["outbox"] == {"messages": 0, "events": 0, "oldest_seconds": 0.0}


async def test_rows_are_listed_page_by_page_without_bodies(runtime: Runtime, client: httpx.AsyncClient):
    """An operator sees state, reason and fingerprint of what was not simply done, and nothing it says."""
    await fill(runtime)

    first = (await client.get("/ops/messaging/events?limit=2", headers=ALICE)).json()
    rest = (await client.get(f"/ops/messaging/events?after={first['next']}", headers=ALICE)).json()
    parked = (await client.get("/ops/messaging/events?state=parked&reason=failed", headers=ALICE)).json()

    assert [each["key"] for each in first["rows"] + rest["rows"]] == ["b", "c", "d", "e", "f"]
    assert [each["key"] for each in parked["rows"]] == ["b"]
    assert parked["rows"][0]["fingerprint"] == "ValueError@store:1"
    assert all("body" not in each and "digest" not in each for each in first["rows"] + rest["rows"])


async def test_being_shown_leaves_a_trace(runtime: Runtime, client: httpx.AsyncClient):
    """Looking at one event is an act: who looked at which is on its way to the log."""
    await fill(runtime)

    shown = await client.post("/ops/messaging/show", headers=ALICE, json={"keys": ["b"]})
    unknown = await client.post("/ops/messaging/show", headers=ALICE, json={"keys": ["nothing"]})

    assert (shown.json()["key"], unknown.status_code) == ("b", 404)
    assert [(each["operator"], each["act"], each["targets"]) for each in await traces(runtime)] == [
        ("alice", "show", ["b"])
    ]


async def test_a_replay_makes_held_events_due(runtime: Runtime, client: httpx.AsyncClient):
    """Exactly the held ones of those named wait for their turn again, with all attempts; ends stay ends."""
    await fill(runtime)

    answer = await client.post("/ops/messaging/replay", headers=ALICE, json={"keys": ["a", "b", "e", "f"]})

    assert answer.json() == {"replayed": 2}
    due = await runtime.inbox.due(QUEUE, datetime.now(UTC), 10)
    assert sorted((held.key, held.attempts) for held in due) == [("b", 0), ("e", 0)]
    assert [each["act"] for each in await traces(runtime)] == ["replay"]


async def test_a_discard_needs_two_operators(runtime: Runtime, client: httpx.AsyncClient):
    """Nobody destroys alone: no second operator, the same one twice, or an agent's token change nothing."""
    await fill(runtime)
    body = {"keys": ["b"], "reason": "sent by mistake"}

    alone = await client.post("/ops/messaging/discard", headers=ALICE, json=body)
    twice = await client.post("/ops/messaging/discard", headers={**ALICE, SECOND: bearer("alice")}, json=body)
    other = await client.post(
        "/ops/messaging/discard", headers={**ALICE, SECOND: bearer("p", "phone-agent")}, json=body
    )

    assert (alone.status_code, twice.status_code, other.status_code) == (401, 403, 403)
    assert (await runtime.database["inbox"].find_one({"_id": "b"}) or {})["state"] == "parked"
    assert await traces(runtime) == []


@pytest.mark.parametrize("name", ["Alice", "alice ", "\uff41lice"])
async def test_another_spelling_is_no_second_operator(name: str, client: httpx.AsyncClient):
    """Capitals, spaces and letters that only look different make nobody a second operator."""
    body = {"keys": ["b"], "reason": "sent by mistake"}
    answer = await client.post("/ops/messaging/discard", headers={**ALICE, SECOND: bearer(name)}, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "second-operator-same")


async def test_spaces_are_no_reason(client: httpx.AsyncClient):
    """A reason has letters, and loses the spaces around them."""
    answer = await client.post("/ops/messaging/discard", headers=BOTH, json={"keys": ["b"], "reason": "     "})
    assert answer.status_code == 422


async def test_a_discard_ends_and_forgets(runtime: Runtime, client: httpx.AsyncClient):
    """A discarded event is ignored, counted as such, keeps nothing of what it said, and names both operators."""
    await fill(runtime)

    answer = await client.post("/ops/messaging/discard", headers=BOTH, json={"keys": ["b"], "reason": "by mistake"})

    assert answer.json() == {"discarded": 1}
    kept = await runtime.database["inbox"].find_one({"_id": "b"}) or {}
    assert (kept["state"], kept["reason"], "body" in kept) == ("ignored", "discarded", False)
    flow = (await client.get("/ops/messaging", headers=ALICE)).json()["flows"][QUEUE]
    assert flow["ignored"] == {"discarded": 1}
    (trace,) = await traces(runtime)
    assert (trace["operator"], trace["second_operator"], trace["reason"]) == ("alice", "bruno", "by mistake")


@pytest.mark.parametrize("path", ["", "/events"])
async def test_the_doors_are_locked(client: httpx.AsyncClient, path: str):
    """Without an operator's token nothing is shown."""
    assert (await client.get(f"/ops/messaging{path}")).status_code == 401
    assert (
        await client.get(f"/ops/messaging{path}", headers={"authorization": bearer("p", "phone-agent")})
    ).status_code == 403
