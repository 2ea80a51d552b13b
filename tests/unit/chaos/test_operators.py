"""What the rig's operator replays once all is quiet."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chaos import operators
from chaos.aftermath import End
from chaos.checker.ledger import Due, Published
from chaos.history import History, lines
from chaos.scene import Scene
from cli.doors import MessagingDoors

LINES = "ingest.reimbursement.settled.v1"
HELD = {
    ("ingest", "quarantined", "ins-unknown"): [f"{LINES}|/insurers/msa|known", f"{LINES}|/insurers/msa|stranger"],
    ("records", "parked", "account-unknown"): ["records.reimbursement.received.v1|/ingest|r1"],
}


class Doors:
    """Plays the operators' doors, and remembers what was replayed."""

    def __init__(self) -> None:
        self.replayed: dict[str, list[str]] = {}

    async def rows(self, service: str, query: Mapping[str, str], *, most: int) -> list[dict[str, Any]]:
        """See `MessagingDoors.rows`."""
        assert most > 1_000
        return [{"key": key} for key in HELD.get((service, query["state"], query["reason"]), ())]

    async def replay(self, service: str, keys: Sequence[str], _reason: str) -> int:
        """See `MessagingDoors.replay`."""
        self.replayed.setdefault(service, []).extend(keys)
        return len(keys)


async def test_what_has_come_is_replayed_and_mistakes_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line whose person was registered is replayed, one of somebody whom nobody knows stays, and it is told."""
    doors = Doors()

    @asynccontextmanager
    async def opened(_addresses: Mapping[str, str], _auth: Any) -> AsyncIterator[Doors]:
        yield doors

    monkeypatch.setattr(MessagingDoors, "open", opened)
    addresses = dict.fromkeys(("ingest", "records", "issuer"), "http://127.0.0.1:9")
    scene = Scene(addresses, {}, "", tmp_path, tmp_path, 1)
    told = Published(due={"/insurers/msa|known": (Due(LINES, End("done")),)})
    history = History.open(tmp_path / "history.jsonl")

    assert await operators.replay_what_waited(scene, history, told) == 2

    history.close()
    assert doors.replayed == {
        "ingest": [f"{LINES}|/insurers/msa|known"],
        "records": ["records.reimbursement.received.v1|/ingest|r1"],
    }
    assert [moment["events"] for moment in lines(tmp_path / "history.jsonl") if moment["op"] == "replay"] == [2]
