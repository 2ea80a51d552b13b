"""Motor beside PyMongo's async API on Carnet's own insert path, alternating in one run against one database.

`./carnet bench drivers` prints a table; the decision it supports is
docs/decisions/0002-pymongo-async-instead-of-motor.md. The database must be a replica set (transactions).
"""

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final
from uuid import uuid4

import uvloop
from bson.binary import Binary
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, UpdateOne
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from bench.stack import ground

BATCH: Final = 200
MAJORITY: Final = WriteConcern(w="majority", j=True)
SNAPSHOT: Final = ReadConcern("snapshot")

Rows = list[dict[str, Any]]
Workload = Callable[["Side", Rows], Awaitable[None]]


@dataclass
class Side:
    """One driver under measure: its database and what its rounds took."""

    name: str
    client: Any
    starts_transaction_by_await: bool
    database: Any = field(init=False)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        database = f"bench_drivers_{self.name.split()[0].lower()}"
        self.database = self.client.get_database(database, write_concern=MAJORITY)

    async def measured(self, workload: Workload) -> None:
        """Run one round and remember its wall and process CPU time (all threads: Motor works in some)."""
        batch = rows()
        wall, cpu = time.perf_counter(), time.process_time()
        await workload(self, batch)
        self.seconds.append(time.perf_counter() - wall)
        self.cpu_seconds.append(time.process_time() - cpu)

    def forget(self) -> None:
        """Forget the rounds so far."""
        self.seconds.clear()
        self.cpu_seconds.clear()


def rows() -> Rows:
    """Return a batch of rows as records writes them: an id, a subject and a sealed body of 345 bytes."""
    return [
        {"_id": uuid4().hex, "subject": uuid4().hex, "type": "line", "body": Binary(os.urandom(345))}
        for _ in range(BATCH)
    ]


async def insert(side: Side, batch: Rows) -> None:
    """Insert 200 small documents in one call."""
    await side.database.rows.insert_many(batch, ordered=False)


async def insert_singly(side: Side, batch: Rows) -> None:
    """Insert 200 small documents one per call, 20 calls at a time: not our path, but where drivers differ most."""
    for start in range(0, BATCH, 20):
        await asyncio.gather(*(side.database.rows.insert_one(row) for row in batch[start : start + 20]))


async def settle(side: Side, batch: Rows) -> None:
    """Commit inbox rows, effects and one outbox row of 200 events in one transaction, as design §4 says."""
    async with await begin(side) as session:
        transaction = session.start_transaction(read_concern=SNAPSHOT, write_concern=MAJORITY)
        async with await transaction if side.starts_transaction_by_await else transaction:
            inbox = [UpdateOne({"_id": row["_id"]}, {"$setOnInsert": {"state": "done"}}, upsert=True) for row in batch]
            await side.database.inbox.bulk_write(inbox, ordered=False, session=session)
            await side.database.rows.insert_many(batch, ordered=False, session=session)
            ready = {"_id": uuid4().hex, "body": Binary(os.urandom(40 * BATCH))}
            await side.database.outbox.insert_one(ready, session=session)


async def begin(side: Side) -> Any:
    """Return a new session: Motor's is awaited, PyMongo's is not."""
    session = side.client.start_session()
    return await session if asyncio.iscoroutine(session) or asyncio.isfuture(session) else session


WORKLOADS: Final[dict[str, Workload]] = {
    "insert_many of 200": insert,
    "transaction: inbox + 200 rows + outbox": settle,
    "200 calls of insert_one, 20 at a time": insert_singly,
}


async def compare(url: str, rounds: int) -> list[str]:
    """Run every workload on both drivers, alternating and changing who goes first; return the table's lines."""
    pymongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    sides = [
        Side("Motor", AsyncIOMotorClient(url), starts_transaction_by_await=False),
        Side("PyMongo async", pymongo, starts_transaction_by_await=True),
    ]
    lines = [
        "| work | driver | documents/s | ms per batch | CPU µs per document |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    try:
        for name, workload in WORKLOADS.items():
            await alternate(sides, workload, rounds // 10 if workload is insert_singly else rounds)
            lines += [line(name, side) for side in sides]
            lines.append(ratio(name, *sides))
    finally:
        for side in sides:
            await side.client.drop_database(side.database.name)
        sides[0].client.close()
        await pymongo.close()
    return lines


async def alternate(sides: list[Side], workload: Workload, rounds: int) -> None:
    """Warm both sides up, then measure them turn by turn."""
    for side in sides:
        for collection in ("rows", "inbox", "outbox"):
            await side.database[collection].drop()
            await side.database.create_collection(collection)
        for _ in range(5):
            await side.measured(workload)
        side.forget()
    for number in range(rounds):
        for side in sides if number % 2 else reversed(sides):
            await side.measured(workload)


def line(work: str, side: Side) -> str:
    """Return the medians of one side."""
    wall, cpu = median(side.seconds), median(side.cpu_seconds)
    return f"| {work} | {side.name} | {BATCH / wall:,.0f} | {wall * 1e3:.1f} | {cpu / BATCH * 1e6:.1f} |"


def ratio(work: str, motor: Side, pymongo: Side) -> str:
    """Return how many times Motor's cost PyMongo's is better by."""
    wall = median(motor.seconds) / median(pymongo.seconds)
    cpu = median(motor.cpu_seconds) / median(pymongo.cpu_seconds)
    return f"| {work} | *Motor ÷ PyMongo* | | {wall:.2f} | {cpu:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--mongo", default=os.environ.get("CARNET_MONGO_URL"), help="URL of a replica set; without, one is started"
    )
    parser.add_argument("--rounds", type=int, default=200, help="measured batches per driver and workload")
    chosen = parser.parse_args()
    if chosen.mongo:
        lines = uvloop.run(compare(chosen.mongo, chosen.rounds))
    else:
        with ground() as where:
            lines = uvloop.run(compare(where.stack.mongo_url, chosen.rounds))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
