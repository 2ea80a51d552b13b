"""A log, what the operators' door shows of it, and fifteen ways to tamper with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.audit.domain.chain import EMPTY, Damage, Entry, Head, Leaf, advance, entry_hash, extend

Row = dict[str, Any]
Log = tuple[list[Entry], Head]

LEAVES = (
    Leaf(
        "/ingest|a",
        "reimbursement.received.v1",
        "2026-11-21T10:00:00Z",
        1_795_255_200_000,
        "0123456789abcdef0123456789abcdef",
        bytes.fromhex("22a5a92155a664512978c915f98c9a227435f2963c5ef2d0b595bfefe7eef11d"),
    ),
    Leaf(
        "/audit|b",
        "operator.acted.v1",
        "2026-11-21T10:00:01Z",
        1_795_255_200_001,
        None,
        bytes.fromhex("b9b2963dd004873b959108c34633d207b6ff7e96eaf5147a53fac7896171189d"),
    ),
)


def whole_log(size: int = 10) -> Log:
    """Return a log of some entries, and its head."""
    made = [replace(LEAVES[n % 2], key=f"/ingest|{n}", recorded_at=n) for n in range(size)]
    entries = extend(EMPTY, made)
    return entries, advance(EMPTY, entries)


def exported(entries: list[Entry], head: Head) -> tuple[list[Row], Row]:
    """Return a log as the operators' door shows it."""
    rows = [
        {
            "index": entry.index,
            "key": entry.leaf.key,
            "type": entry.leaf.type,
            "time": entry.leaf.time,
            "recorded_at": entry.leaf.recorded_at,
            "subject": entry.leaf.subject,
            "commitment": entry.leaf.commitment.hex(),
            "hash": entry.hash.hex(),
        }
        for entry in entries
    ]
    return rows, {"size": head.size, "hash": head.hash.hex(), "epoch": head.epoch}


def edit(**change: Any) -> Callable[[Log], Log]:
    """Return a tampering that changes what entry 4 says."""

    def tamper(log: Log) -> Log:
        entries, head = log
        return [replace(e, leaf=replace(e.leaf, **change)) if e.index == 4 else e for e in entries], head

    return tamper


def rehash(log: Log) -> Log:
    """Edit entry 4 and mend its own hash: the next entry no longer follows."""
    entries, head = edit(type="x")(log)
    mended = entry_hash(entries[3].hash, 4, entries[4].leaf)
    return [replace(e, hash=mended) if e.index == 4 else e for e in entries], head


def delete(log: Log) -> Log:
    """Take entry 4 out."""
    return [entry for entry in log[0] if entry.index != 4], log[1]


def close_gap(log: Log) -> Log:
    """Take entry 4 out and renumber what follows."""
    entries, head = delete(log)
    return [replace(entry, index=n) for n, entry in enumerate(entries)], replace(head, size=head.size - 1)


def swap(log: Log) -> Log:
    """Exchange what entries 4 and 7 hold."""
    entries, head = list(log[0]), log[1]
    entries[4], entries[7] = replace(entries[7], index=4), replace(entries[4], index=7)
    return entries, head


def reorder(log: Log) -> Log:
    """Show entry 7 at the place of entry 4."""
    entries, head = list(log[0]), log[1]
    entries[4], entries[7] = entries[7], entries[4]
    return entries, head


def insert(log: Log) -> Log:
    """Show entry 3 a second time as entry 4."""
    entries, head = list(log[0]), log[1]
    entries[4] = replace(entries[3], index=4)
    return entries, head


def truncate(log: Log) -> Log:
    """Cut the tail off."""
    return log[0][:6], log[1]


def truncate_with_head(log: Log) -> Log:
    """Cut the tail off and mend only the head's size."""
    return log[0][:6], replace(log[1], size=6)


def shorten_head(log: Log) -> Log:
    """Make the head forget the tail and keep the entries."""
    return log[0], Head(6, log[0][5].hash, 1)


TAMPERINGS = [
    (edit(key="/ingest|x"), 4, Damage.ALTERED),
    (edit(type="account.opened.v1"), 4, Damage.ALTERED),
    (edit(time="2026-11-22T10:00:00Z"), 4, Damage.ALTERED),
    (edit(recorded_at=5), 4, Damage.ALTERED),
    (edit(subject=None), 4, Damage.ALTERED),
    (edit(commitment=bytes(32)), 4, Damage.ALTERED),
    (rehash, 5, Damage.ALTERED),
    (delete, 4, Damage.MISSING),
    (close_gap, 4, Damage.ALTERED),
    (swap, 4, Damage.ALTERED),
    (reorder, 4, Damage.MISSING),
    (insert, 4, Damage.ALTERED),
    (truncate, 6, Damage.MISSING),
    (truncate_with_head, 5, Damage.HEAD),
    (shorten_head, 6, Damage.BEYOND),
]
