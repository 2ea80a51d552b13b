"""The operators' doors on a real database and broker: the books, and rows that were not simply done."""

import httpx
import pytest

from shared.messaging.runtime import Runtime
from tests.integration.shared.operators import ALICE, QUEUE, bearer, fill

pytestmark = pytest.mark.integration


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


@pytest.mark.parametrize("path", ["", "/events"])
async def test_the_doors_are_locked(client: httpx.AsyncClient, path: str):
    """Without an operator's token nothing is shown."""
    assert (await client.get(f"/ops/messaging{path}")).status_code == 401
    assert (
        await client.get(f"/ops/messaging{path}", headers={"authorization": bearer("p", "phone-agent")})
    ).status_code == 403
