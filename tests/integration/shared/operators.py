"""Operators of the tests of doors, and one held event of every kind."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.http.gate import SECOND
from shared.messaging.runtime import Runtime
from shared.messaging.store import Commit, Row
from shared.messaging.topology import RECORDS_REIMBURSEMENTS
from shared.messaging.unit import State
from simulator.issuer import mint, new_key

KEY = new_key()
QUEUE = RECORDS_REIMBURSEMENTS.queue


NOW = datetime.now(UTC)
"""When the tokens of these tests were made, and what their gate's clock shows however long the tests take."""


def bearer(sub: str, kind: str = "operator") -> str:
    """Return the value of a header that says who calls."""
    return f"Bearer {mint(KEY, kind=kind, sub=sub, now=NOW)}"


ALICE = {"authorization": bearer("alice")}
BOTH = {**ALICE, SECOND: bearer("bruno")}


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
