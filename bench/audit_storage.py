"""The log in its database: how fast it takes events, and gives proofs of logs of every size."""

import os
import random
import time
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any, Final, NamedTuple
from unittest.mock import patch
from uuid import uuid4

import orjson
from bson.binary import Binary

from bench.measure import cpu_of, spent
from bench.stack import Ground
from services.audit.adapters.log_rows import prepare, tile_id
from services.audit.adapters.mongo_log import MongoLog
from services.audit.adapters.mongo_tiles import MongoTiles
from services.audit.domain.checkpoints import Signed
from services.audit.domain.envelope import Envelope, read_envelope
from services.audit.domain.tree import Edge, Tile, extend
from services.audit.handlers.appending import append_entries
from services.audit.handlers.proving import prove_entries
from services.audit.settings import AuditSettings
from shared.messaging.acts import perform
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass
from verifier.checkpoints import Checkpoint
from verifier.merkle import leaf_hash, root_of_inclusion

BATCH: Final = 100
EVENTS: Final = 12_000
RECORDS: Final = 2_000
PROOFS: Final = 3_000
OWN: Final = Key(bytes(16), bytes(32))


class Row(NamedTuple):
    """One thing that was measured."""

    what: str
    value: float
    unit: str
    beside: str


async def appending(where: Ground, rounds: int) -> list[Row]:
    """Append events that are decoded already, in batches; beside it, the same events inserted and nothing more."""
    ours, bare, costs = [], [], []
    for number in range(rounds + 1):
        suffix = f"_{uuid4().hex[:8]}"
        with patch.dict(os.environ, where.environment(suffix)):
            settings = AuditSettings()
        try:
            async with open_runtime("audit", settings) as runtime:
                rate, cpu = await _append(runtime, where)
                plain = await _insert(runtime)
        finally:
            where.forget(suffix)
        if number:  # the first is to warm up
            ours.append(rate)
            bare.append(plain)
            costs.append(cpu)
    beside = f"the sealed events inserted, the same batches, no log: {median(bare):,.0f}/s"
    own = f"CPU µs per event, database and process; {beside}"
    return [Row(f"append, batches of {BATCH}", median(ours), "events/s", f"{median(costs):,.0f} {own}")]


async def _append(runtime: Runtime, where: Ground) -> tuple[float, float]:
    await prepare(runtime.database)
    log = MongoLog(runtime.database)
    records = [uuid4().hex for _ in range(RECORDS)]
    await runtime.vault.ensure_keys([(record, KeyClass.AUDIT) for record in records])
    made = partial(append_entries, log=log, vault=runtime.vault, own_key=OWN, clock=runtime.clock)
    events = [_event(records) for _ in range(EVENTS)]
    cpu, own, began = cpu_of(where.servers), time.process_time(), time.perf_counter()
    for part in _parts(events, BATCH):
        await perform(runtime, partial(_one_batch, made, part))
    seconds = time.perf_counter() - began
    used = spent(cpu, cpu_of(where.servers))["database"] + time.process_time() - own
    return EVENTS / seconds, used / EVENTS * 1e6


async def _one_batch(append: Any, part: list[Envelope], unit: Unit) -> None:
    await append(part, unit)


async def _insert(runtime: Runtime) -> float:
    """Insert as many bytes as openings have, majority and journaled, and keep no log of them."""
    plain = runtime.database["plain"]
    began = time.perf_counter()
    for start in range(0, EVENTS, BATCH):
        rows = [{"_id": start + n, "box": Binary(os.urandom(450))} for n in range(BATCH)]
        await plain.insert_many(rows)
    return EVENTS / (time.perf_counter() - began)


async def proving(where: Ground, rounds: int) -> list[Row]:
    """Prove entries of a log of 100,000 one by one, in no order; beside it, without remembered tiles."""
    suffix, size = f"_{uuid4().hex[:8]}", 100_000
    with patch.dict(os.environ, where.environment(suffix)):
        settings = AuditSettings()
    try:
        async with open_runtime("audit", settings) as runtime:
            await prepare(runtime.database)
            root, _ = await _grow(runtime, 0, {}, size)
            signed = Signed(Checkpoint("bench", size, root), "")
            warm, rates, cold = MongoTiles(runtime.database), [], []
            for _ in range(rounds):
                rates.append(await _prove(warm, signed, PROOFS))
                cold.append(await _prove(MongoTiles(runtime.database), signed, 200, forget=True))
    finally:
        where.forget(suffix)
    beside = f"each tile read and hashed for each proof: {median(cold):,.0f}/s"
    return [Row("inclusion proofs from storage", median(rates), "proofs/s", beside)]


async def _prove(tiles: MongoTiles, signed: Signed, count: int, *, forget: bool = False) -> float:
    indexes = random.choices(range(signed.checkpoint.size), k=count)
    began = time.perf_counter()
    for index in indexes:
        if forget:
            tiles._known.clear()  # noqa: SLF001 - what is measured is how it would be without
        await prove_entries([index], signed, tiles)
    return count / (time.perf_counter() - began)


async def sizes(where: Ground, most: int) -> list[Row]:
    """Prove an entry of logs of a thousand to ten million leaves: how long is a proof, and how long does it take."""
    suffix, rows = f"_{uuid4().hex[:8]}", []
    with patch.dict(os.environ, where.environment(suffix)):
        settings = AuditSettings()
    try:
        async with open_runtime("audit", settings) as runtime:
            await prepare(runtime.database)
            reached = 0
            edge: Edge = {}
            for power in range(3, most + 1):
                while reached < 10**power:
                    step = min(100_000, 10**power - reached)
                    root, edge = await _grow(runtime, reached, edge, step)
                    reached += step
                rows.append(await _size(runtime, Checkpoint("bench", reached, root)))
    finally:
        where.forget(suffix)
    return rows


async def _size(runtime: Runtime, checkpoint: Checkpoint) -> Row:
    signed, tiles = Signed(checkpoint, ""), MongoTiles(runtime.database)
    await runtime.client.admin.command("fsync")  # what was just written is not to be waited for
    indexes = random.sample(range(checkpoint.size), 100)
    made, checked, lengths = [], [], []
    for index in indexes:
        began = time.perf_counter()
        proof = (await prove_entries([index], signed, tiles))[index]
        made.append(time.perf_counter() - began)
        began = time.perf_counter()
        if root_of_inclusion(index, checkpoint.size, _leaf(index), proof.path) != checkpoint.root:
            raise SystemExit(f"the proof of {index} of {checkpoint.size} is wrong")
        checked.append(time.perf_counter() - began)
        lengths.append(len(str(proof)))
    beside = f"{median(lengths):,.0f} bytes; checked in {median(checked) * 1e6:,.0f} µs"
    return Row(f"a proof of {checkpoint.size:,} leaves", median(made) * 1e6, "µs from storage", beside)


async def _grow(runtime: Runtime, start: int, edge: Edge, count: int) -> tuple[bytes, Edge]:
    """Write the tiles of a log whose leaves are numbers."""
    growth = extend(start, edge, [_leaf(index) for index in range(start, start + count)])
    rows = [{"_id": tile_id(tile), "hashes": Binary(hashes)} for tile, hashes in growth.tiles.items()]
    tiles = runtime.database["tiles"]
    await tiles.delete_many({"_id": {"$in": [tile_id(tile) for tile in edge if isinstance(tile, Tile)]}})
    for part in _parts(rows, 200):
        await tiles.insert_many(part)
    return growth.root, growth.edge


def _leaf(index: int) -> bytes:
    return leaf_hash(index.to_bytes(8))


def _parts(rows: list[Any], size: int) -> list[list[Any]]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def _event(records: list[str]) -> Envelope:
    document = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "/ingest",
        "type": "reimbursement.received.v1",
        "subject": random.choice(records),
        "time": datetime.now(UTC).isoformat(),
        "data": {"sealed": "A" * 220, "month": "2026-05"},
    }
    return read_envelope(document, orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
