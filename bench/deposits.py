"""`./carnet bench deposits`: documents of 77 kB over HTTP, beside one majority commit of the same bytes.

Carnet: authenticated, parsed in a confined process, matched with an open record, sealed, traced, told to records, and
all of it in one majority-committed transaction before the answer. Beside it, the bytes alone: one document inserted
with the same durability, and a file of GridFS.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from os import urandom
from typing import Any, Final

import uvloop
from bson.binary import Binary
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bench.clinic_side import SIZE, ClinicSide, clinic_side
from bench.measure import Sample, cpu_of, figures, spent
from bench.messaging import machine
from bench.report import Comparison, markdown
from bench.stack import Ground, ground
from shared.mongo import Document, stated

SUFFIX: Final = "_bytes"
KEPT: Final = "Carnet, kept durably (202)"
STORED: Final = "Carnet, in the record (201)"
INSERT: Final = "one majority commit of the bytes"
GRIDFS: Final = "a file of GridFS"

Put = Callable[[AsyncDatabase[Document], bytes], Awaitable[None]]


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each side")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of documents")
    chosen = parser.parse_args()
    with ground() as where, clinic_side(where) as clinic:
        found = [
            compare(where, clinic, clients=clients, count=int(count * chosen.scale), rounds=chosen.rounds)
            for clients, count in ((10, 600), (1, 200))
        ]
    if chosen.json:
        print(json.dumps({"machine": machine(), "comparisons": [each.as_json() for each in found]}, indent=2))
    else:
        tables = "\n\n".join(markdown(each) for each in found)
        print(f"{tables}\n\nMedians of {chosen.rounds} repetitions in turns, on {machine()}.")


def compare(where: Ground, clinic: ClinicSide, *, clients: int, count: int, rounds: int) -> Comparison:
    """Return every side's figures for so many clients."""
    who = f"{clients} clients" if clients > 1 else "one client"
    sides: dict[str, Callable[[], Sample]] = {
        f"{KEPT}, {who}": lambda: clinic.repeat(f"{KEPT}, {who}", count, clients=clients, hurry=True),
        f"{STORED}, {who}": lambda: clinic.repeat(f"{STORED}, {who}", count, clients=clients, hurry=False),
        f"{INSERT}, {who}": lambda: bytes_alone(where, insert, count, clients),
        f"{GRIDFS}, {who}": lambda: bytes_alone(where, upload, count, clients),
    }
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, repeat in sides.items() if number % 2 else reversed(sides.items()):
            sample = repeat()
            if number:  # the first is to warm up
                samples[name].append(sample)
                print(f"{name}: {sample.rate:,.0f}/s", file=sys.stderr)
    notes = [clinic.note(name) for name in sides if name in clinic.latencies]
    measured = [figures(name, taken) for name, taken in samples.items()]
    return Comparison(f"Deposits of {SIZE / 1000:.0f} kB over HTTP, {who}", "document", measured, notes)


def bytes_alone(where: Ground, put: Put, count: int, clients: int) -> Sample:
    """Write as many bytes, by as many clients, with the same durability and nothing else."""
    bodies = [urandom(SIZE) for _ in range(count)]
    cpu, own, started = cpu_of(where.servers), time.process_time(), time.perf_counter()
    seconds = uvloop.run(_put_all(where, put, bodies, clients))
    used = {**spent(cpu, cpu_of(where.servers)), "client": time.process_time() - own}
    where.forget(SUFFIX)
    return Sample(count, seconds or time.perf_counter() - started, used)


async def _put_all(where: Ground, put: Put, bodies: Sequence[bytes], clients: int) -> float:
    async with AsyncExitStack() as stack:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(where.stack.mongo_url)
        stack.push_async_callback(client.close)
        database = stated(client[f"bench{SUFFIX}"])
        await put(database, bodies[0])  # the collection is there
        waiting, started = iter(bodies), time.perf_counter()

        async def work() -> None:
            for body in waiting:
                await put(database, body)

        await asyncio.gather(*(work() for _ in range(clients)))
        return time.perf_counter() - started


async def insert(database: AsyncDatabase[Document], body: bytes) -> None:
    """Insert one document, acknowledged by a majority and its journal."""
    await database["contents"].insert_one({"box": Binary(body)})


async def upload(database: AsyncDatabase[Document], body: bytes) -> None:
    """Write one file, acknowledged in the same way."""
    await AsyncGridFSBucket(database).upload_from_stream("document", body)


if __name__ == "__main__":
    main()
