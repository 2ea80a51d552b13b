"""`./carnet bench audit`: the log appended to, witnessed, proved and verified, beside what it is made of.

All numbers come from one run on one machine: a MongoDB of its own, and for the way from the queue to the checkpoint a
broker, a sequencer, a signer and two witnesses as processes.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from bench.audit_storage import Row, appending, proving, sizes
from bench.audit_way import queue_to_checkpoint
from bench.messaging import machine
from bench.stack import ground
from services.audit.domain.tree import extend
from verifier.checkpoints import Checkpoint
from verifier.leaves import GROUPS, Leaf, Opened, commitment, event_name, salt_of
from verifier.merkle import leaf_hash
from verifier.openings import Reading, check_openings
from verifier.tiles import join_entries, tile_path, widths
from verifier.trees import check_tree

LEAVES: Final = 200_000
OPENED: Final = 20_000


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each row; medians are shown")
    parser.add_argument("--most", type=int, default=7, help="proofs of logs of up to ten to this power of leaves")
    chosen = parser.parse_args()
    with ground() as where:
        rows = uvloop.run(appending(where, chosen.rounds))
        rows += queue_to_checkpoint(where)
        rows += verifying(chosen.rounds)
        rows += uvloop.run(proving(where, chosen.rounds))
        rows += uvloop.run(sizes(where, chosen.most))
    if chosen.json:
        print(json.dumps({"machine": machine(), "rows": [row._asdict() for row in rows]}, indent=2))
        return
    print("| what | value | unit | beside it, same run |\n| --- | ---: | --- | --- |")
    for row in rows:
        print(f"| {row.what} | {row.value:,.0f} | {row.unit} | {row.beside} |")
    print(f"\nMedians of {chosen.rounds} repetitions, on {machine()}.")


def verifying(rounds: int) -> list[Row]:
    """Verify an export offline: its tree, and what its entries say."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        checkpoint, leaves = _export(folder, LEAVES)
        tree = _rate(rounds, LEAVES, lambda: check_tree(folder, checkpoint))
        bare = _rate(rounds, LEAVES, lambda: [sha256(b"\0" + leaf).digest() for leaf in leaves])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _export(folder, OPENED, opened=True)
        texts = _rate(rounds, OPENED, lambda: list(check_openings(folder, OPENED, Reading())))
    return [
        Row("offline verification of the tree", tree, "leaves/s", f"SHA-256 of the leaves alone: {bare:,.0f}/s"),
        Row("offline verification of texts, chains", texts, "entries/s", ""),
    ]


def _rate(rounds: int, count: int, act: Callable[[], Sequence[object]]) -> float:
    rates = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = act()
        rates.append(count / (time.perf_counter() - began))
        if len(found) not in (0, count):
            sys.exit(f"what was made for the benchmark does not verify: {found[:3]}")
    return median(rates)


def _export(folder: Path, count: int, *, opened: bool = False) -> tuple[Checkpoint, list[bytes]]:
    """Write a sound log of so many entries; its texts are those of events about nobody."""
    leaves, lines = [], []
    for index in range(count):
        leaf, groups = _entry(index, opened=opened)
        leaves.append(bytes(leaf))
        lines.append(json.dumps({"index": index, "groups": groups}) if opened else "")
    growth = extend(0, {}, [leaf_hash(leaf) for leaf in leaves])
    for index, width in widths(count):
        _write(folder / tile_path("entries", index, width), join_entries(leaves[index * 256 : index * 256 + width]))
    for tile, held in growth.tiles.items():
        _write(folder / tile_path(tile.level, tile.place, len(held) // 32), held)
    _write(folder / "openings.jsonl", "".join(f"{line}\n" for line in lines).encode())
    return Checkpoint("bench", count, growth.root), leaves


def _entry(index: int, *, opened: bool) -> tuple[Leaf, dict[str, dict[str, str]]]:
    name = event_name("/bench", str(index))
    if not opened:
        return Leaf(name, index, [random.randbytes(32) for _ in GROUPS]), {}
    detail = json.dumps({"source": "/bench", "id": str(index), "type": "line.kept.v1", "data": {"sealed": "A" * 200}})
    texts = dict(zip(GROUPS, (b"{}", b"{}", detail.encode()), strict=True))
    proofs = {group: Opened(salt_of(index.to_bytes(32), group), text) for group, text in texts.items()}
    groups = {group.value: {"salt": b64encode(o.salt).decode(), "text": o.text.decode()} for group, o in proofs.items()}
    return Leaf(name, index, [commitment(group, proofs[group]) for group in GROUPS]), groups


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


if __name__ == "__main__":
    main()
