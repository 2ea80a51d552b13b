"""The operators' acts on what is held, on a real database and broker: what each changes, leaves alone and tells."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.http.gate import SECOND
from shared.messaging.held_sets import HeldSets
from shared.messaging.runtime import Runtime
from shared.messaging.store import Commit, Row
from shared.messaging.topology import INGEST_REIMBURSEMENTS, INGEST_UNKNOWN
from shared.messaging.unit import State
from tests.integration.shared.operators import ALICE, BOTH, QUEUE, bearer, fill, row, traces

pytestmark = pytest.mark.integration


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


async def test_a_replayed_type_goes_where_it_is_known_now(runtime: Runtime, client: httpx.AsyncClient):
    """What came before an upgrade, under a type that nobody knew, waits in the flow that knows it since (H 93)."""
    of_today, of_tomorrow = (
        Row(key, b"d" * 16, State.QUARANTINED, INGEST_UNKNOWN.queue, wire_type, reason="type-unknown", body=b"sealed")
        for key, wire_type in (("a", INGEST_REIMBURSEMENTS.key), ("b", "reimbursement.settled.v9"))
    )
    await runtime.inbox.commit(Commit([of_today, of_tomorrow], queue=INGEST_UNKNOWN.queue))

    await client.post("/ops/messaging/replay", headers=ALICE, json={"keys": ["a", "b"]})

    now = datetime.now(UTC)
    assert [held.key for held in await runtime.inbox.due(INGEST_REIMBURSEMENTS.queue, now, 10)] == ["a"]
    assert [held.key for held in await runtime.inbox.due(INGEST_UNKNOWN.queue, now, 10)] == ["b"]


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


async def park(runtime: Runtime, *keys: str, fingerprint: str = "KeyError@store:12") -> None:
    """Park events that failed alike."""
    rows = [row(key, State.PARKED, reason="failed", fingerprint=fingerprint, attempts=4) for key in keys]
    await runtime.inbox.commit(Commit(rows, queue=QUEUE))


async def listed(client: httpx.AsyncClient, **wanted: str) -> list[dict[str, Any]]:
    """Return the groups as an operator sees them."""
    answer = await client.post("/ops/messaging/sets", headers=ALICE, json=wanted)
    groups: list[dict[str, Any]] = answer.json()["groups"]
    return groups


async def standing(client: httpx.AsyncClient, handle: str) -> dict[str, Any]:
    """Return what became of a set."""
    told: dict[str, Any] = (await client.get(f"/ops/messaging/sets/{handle}", headers=ALICE)).json()["standing"]
    return told


async def kept(runtime: Runtime, key: str) -> dict[str, Any]:
    """Return a row."""
    return await runtime.database["inbox"].find_one({"_id": key}) or {}


async def test_what_is_held_is_grouped_by_cause(runtime: Runtime, client: httpx.AsyncClient):
    """One group per queue, state, reason and fingerprint, the largest first, and nothing of what an event says."""
    await fill(runtime)
    await park(runtime, "x1", "x2")

    groups = await listed(client)

    largest = groups[0]
    assert (largest["state"], largest["reason"], largest["count"]) == ("parked", "failed", 2)
    assert largest["fingerprint"] == "KeyError@store:12"
    assert len(groups) == 5
    assert len({each["handle"] for each in groups}) == 5
    assert not any("body" in each or "keys" in each for each in groups)
    (only,) = await listed(client, fingerprint="KeyError@store:12")
    assert only == groups[0]


async def test_the_same_rows_have_the_same_name(runtime: Runtime, client: httpx.AsyncClient):
    """A handle names rows: listing them twice gives it again, one row more gives another."""
    await park(runtime, "x1", "x2")
    first, again = await listed(client), await listed(client)
    await park(runtime, "x3")
    (more,) = await listed(client)
    assert first == again
    assert more["handle"] != first[0]["handle"]


async def test_a_replay_reaches_exactly_what_was_seen(runtime: Runtime, client: httpx.AsyncClient):
    """A row that joined the group since is left alone; each row's history says who, why, from which set and state."""
    await park(runtime, "x1", "x2", "x3")
    (group,) = await listed(client)
    await park(runtime, "later")
    body = {"reason": "$mended"}

    answer = await client.post(f"/ops/messaging/sets/{group['handle']}/replay", headers=ALICE, json=body)

    assert answer.json() == {"done": 3, "looked": 3, "next": None}
    due = await runtime.inbox.due(QUEUE, datetime.now(UTC), 10)
    assert sorted(held.key for held in due) == ["x1", "x2", "x3"]
    assert (await kept(runtime, "later"))["state"] == "parked"
    (act,) = (await kept(runtime, "x1"))["history"]
    assert (act["act"], act["by"], act["reason"], act["set"]) == ("replay", "alice", "$mended", group["handle"])
    assert [act["was"][name] for name in ("state", "fingerprint", "attempts")] == ["parked", "KeyError@store:12", 4]
    (trace,) = await traces(runtime)
    assert (trace["act"], sorted(trace["targets"])) == ("replay", ["x1", "x2", "x3"])
    assert await standing(client, group["handle"]) == {"due": 3, "again": {}, "joined": 1}


async def test_a_set_is_replayed_once(runtime: Runtime, client: httpx.AsyncClient):
    """A row that is not as it was seen is left alone: two operators with one list do not undo each other."""
    await park(runtime, "x1", "x2")
    (group,) = await listed(client)
    path = f"/ops/messaging/sets/{group['handle']}/replay"

    first = (await client.post(path, headers=ALICE, json={"limit": 1})).json()
    rest = (await client.post(path, headers=ALICE, json={})).json()
    again = (await client.post(path, headers=ALICE, json={})).json()

    assert [first["done"], first["next"], rest["done"], again["done"]] == [1, 1, 1, 0]
    assert len(await traces(runtime)) == 2


async def test_what_came_back_is_told(runtime: Runtime, client: httpx.AsyncClient):
    """The set says what became of its rows; a group says how many of its rows came back after a replay."""
    await park(runtime, "x1", "x2", "x3")
    (group,) = await listed(client)
    await client.post(f"/ops/messaging/sets/{group['handle']}/replay", headers=ALICE, json={})
    end = row("x1", State.DONE, expected=0)
    back = row("x2", State.PARKED, expected=0, reason="failed", fingerprint="KeyError@store:12", attempts=4)
    await runtime.inbox.commit(Commit([end, back], queue=QUEUE))

    now = await standing(client, group["handle"])
    (parked,) = await listed(client, state="parked")

    assert (now["applied"], now["held-again"], now["due"]) == (1, 1, 1)
    assert now["again"] == {"failed KeyError@store:12": 1}
    assert (parked["count"], parked["replayed"]) == (1, 1)
    assert (await kept(runtime, "x1"))["history"][0]["act"] == "replay"


async def test_a_group_is_discarded_by_two(runtime: Runtime, client: httpx.AsyncClient):
    """A group ends without effect when two operators agree and say why: the seen rows, counted, forgotten, traced."""
    await park(runtime, "x1", "x2")
    (group,) = await listed(client)
    await park(runtime, "later")
    path, body = f"/ops/messaging/sets/{group['handle']}/discard", {"reason": "sent by mistake"}

    alone = await client.post(path, headers=ALICE, json=body)
    silent = await client.post(path, headers=BOTH, json={})
    answer = await client.post(path, headers=BOTH, json=body)

    assert (alone.status_code, silent.status_code, answer.json()["done"]) == (401, 422, 2)
    ended = await kept(runtime, "x1")
    assert (ended["state"], ended["reason"], "body" in ended) == ("ignored", "discarded", False)
    assert ended["history"][0]["with"] == "bruno"
    assert (await kept(runtime, "later"))["state"] == "parked"
    flow = (await client.get("/ops/messaging", headers=ALICE)).json()["flows"][QUEUE]
    assert flow["ignored"] == {"discarded": 2}


async def test_a_large_set_has_parts(runtime: Runtime, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch):
    """A set of many documents is read from any place on, in the order of its keys."""
    monkeypatch.setattr("shared.messaging.held_sets._PART", 3)
    await park(runtime, *(f"x{n:02}" for n in range(10)))
    (group,) = await listed(client)
    sets = HeldSets(runtime.database)

    assert [each.key for each in await sets.part(group["handle"], 2, 5)] == [f"x{n:02}" for n in range(2, 7)]
    assert [each.key for each in await sets.part(group["handle"], 9, 5)] == ["x09"]
    assert (await standing(client, group["handle"]))["untouched"] == 10
    shown = await client.get(f"/ops/messaging/sets/{group['handle']}/rows?start=4&limit=2", headers=ALICE)
    assert [each["key"] for each in shown.json()["rows"]] == ["x04", "x05"]


async def test_an_unknown_name(client: httpx.AsyncClient):
    """A handle that nothing was listed as names nothing."""
    answer = await client.get("/ops/messaging/sets/0000-0000", headers=ALICE)
    assert (answer.status_code, answer.json()["code"]) == (404, "set-unknown")


@pytest.mark.parametrize("path", ["/sets", "/sets/0000-0000/replay", "/show", "/replay"])
async def test_the_doors_of_acts_are_locked(client: httpx.AsyncClient, path: str):
    """Without an operator's token nothing is shown and nothing is done."""
    assert (await client.post(f"/ops/messaging{path}", json={"keys": ["a"]})).status_code == 401
