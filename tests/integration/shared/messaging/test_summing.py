"""Summing the books of the past changes none of their numbers, on a real database."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from shared.messaging import instants
from shared.messaging.acts import perform
from shared.messaging.books import Books
from shared.messaging.ledger.counts import HOURS
from shared.messaging.ledger.summing import TOTAL, Summing
from shared.messaging.mongo_inbox import MongoInbox, book_id
from tests.integration.conftest import Installation
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

QUEUE = "records.reimbursement.received.v1"


async def test_old_minutes_become_hours_and_then_a_total(installation: Installation):
    """No end is lost or doubled, what is recent stays, and a process still finds its last commit (rule 14)."""
    async with runtime_of(installation) as runtime:
        books, now = runtime.database["books"], instants.minute_of(instants.now())
        ages = [timedelta(days=9), timedelta(days=9, minutes=1), timedelta(hours=30), timedelta(minutes=3)]
        for number, age in enumerate(ages):
            counts: dict[str, Any] = {"done": 10, "rows": 12, "emitted": {"events": {"a": {"v1": 7}}}}
            heard = {"ingest": {instants.minute_name(now - age): 12}}
            row = {"_id": book_id(QUEUE, "p1", now - age), **counts, "heard": heard, "last": f"t{number}"}
            await books.insert_one(row)
        await books.insert_one({"_id": book_id(QUEUE, "p2", now - ages[2]), "done": 5, "last": "mine"})
        before = await Books(runtime).flows()

        for _ in range(2):
            await Summing(runtime.database).sum_up(partial(perform, runtime), instants.now())

        flow = (await Books(runtime).flows())[QUEUE]
        assert flow == before[QUEUE] | {"emitted": {"events": {"a.v1": 28}}}
        assert flow["done"] == 45
        rows = {(row["_id"]["process"], row.get("done")): row async for row in books.find({"_id.queue": QUEUE})}
        assert set(rows) == {("p1", 10), ("p2", None), (HOURS, 15), (TOTAL, 20)}
        assert rows[HOURS, 15]["heard"] == {"ingest": {instants.minute_name(now - ages[2]): 12}}
        assert "heard" not in rows[TOTAL, 20]
        assert await MongoInbox(runtime.client, runtime.database, "p2").last(QUEUE) == "mine"
        assert await MongoInbox(runtime.client, runtime.database, "p1").last(QUEUE) == "t3"
