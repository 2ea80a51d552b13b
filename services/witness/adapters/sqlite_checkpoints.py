"""A witness's memory in one file: no server of the log's operator holds it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from verifier.checkpoints import Checkpoint

MOST_EVIDENCE: Final = 1000
"""Checkpoints kept of a log that contradicts itself; a few prove it, and nobody may fill the disk."""

_WAIT_S: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checkpoints (origin TEXT PRIMARY KEY, size INTEGER, root BLOB, note TEXT) STRICT;
CREATE TABLE IF NOT EXISTS evidence (origin TEXT, size INTEGER, root BLOB, note TEXT, against TEXT,
                                     PRIMARY KEY (origin, size, root)) STRICT;
"""


class SqliteCheckpoints:
    """The `CheckpointStore`; several processes may share a file, the database decides who was first."""

    def __init__(self, place: Path) -> None:
        self._place = place
        with self._open() as database:
            database.executescript(_SCHEMA)

    async def last(self, origin: str) -> Checkpoint | None:
        """See `CheckpointStore.last`."""
        return await asyncio.to_thread(self._last, origin)

    async def replace(self, last: Checkpoint | None, new: Checkpoint, note: str) -> bool:
        """See `CheckpointStore.replace`."""
        return await asyncio.to_thread(self._replace, last, new, note)

    async def keep_evidence(self, checkpoint: Checkpoint, note: str) -> None:
        """See `CheckpointStore.keep_evidence`."""
        await asyncio.to_thread(self._keep, checkpoint, note)

    def _last(self, origin: str) -> Checkpoint | None:
        with self._open() as database:
            row = database.execute("SELECT size, root FROM checkpoints WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else Checkpoint(origin, *row)

    def _replace(self, last: Checkpoint | None, new: Checkpoint, note: str) -> bool:
        with self._open() as database:
            if last is None:
                insert = "INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?, ?)"
                changed = database.execute(insert, (new.origin, new.size, new.root, note))
            else:
                update = (
                    "UPDATE checkpoints SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ?"
                )
                changed = database.execute(update, (new.size, new.root, note, new.origin, last.size, last.root))
            return changed.rowcount == 1

    def _keep(self, checkpoint: Checkpoint, note: str) -> None:
        with self._open() as database:
            (kept,) = database.execute(
                "SELECT count(*) FROM evidence WHERE origin = ?", (checkpoint.origin,)
            ).fetchone()
            if kept < MOST_EVIDENCE:
                insert = """INSERT OR IGNORE INTO evidence
                            SELECT origin, ?, ?, ?, note FROM checkpoints WHERE origin = ?"""
                database.execute(insert, (checkpoint.size, checkpoint.root, note, checkpoint.origin))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that is on the disk when the block ends; a checkpoint comes every ten seconds."""
        database = sqlite3.connect(self._place, timeout=_WAIT_S)
        try:
            database.execute("PRAGMA synchronous = FULL")
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.commit()
        finally:
            database.close()
