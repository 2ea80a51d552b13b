"""What must happen now and then, counted in logs and books."""

from pathlib import Path
from typing import Any

import orjson

from chaos.aftermath import Adoption, Reign
from chaos.sometimes import Sometimes, adoptions, reigns, sometimes
from tests.unit.chaos import made_up as run


def counted(tmp_path: Path, *lines: dict[str, Any], strict: bool = False) -> dict[str, Sometimes]:
    """Return what is counted in a log of these lines."""
    text = b"no JSON\n" + b"".join(orjson.dumps(line) + b"\n" for line in lines) + b'{"event": "cut o'
    (tmp_path / "records.worker.1.log").write_bytes(text)
    return {each.name: each for each in sometimes(tmp_path, run.aftermath(), run.history(), strict=strict)}


def test_the_first_holder_of_a_lease_took_over_from_nobody(tmp_path: Path) -> None:
    """A fail-over is the second epoch and every one after it."""
    taken = [{"event": "log_taken_over", "epoch": epoch} for epoch in (1, 2, 3)]
    assert counted(tmp_path, *taken)["sequencer fail-over"].times == 2


def test_logs_tell_races_adoptions_and_fences(tmp_path: Path) -> None:
    """Each thing is known by its own line."""
    found = counted(
        tmp_path,
        {"event": "batch_again", "kind": "CONFLICT"},
        {"event": "batch_again", "kind": "INFRASTRUCTURE"},
        {"event": "outbox_adopted", "count": 3},
        {"event": "worker_failed", "error": "FencedError"},
    )
    assert {name for name, each in found.items() if each.times} == {"race", "outage waited out", "adoption", "fenced"}


def test_only_a_long_run_with_every_fault_must_have_seen_them(tmp_path: Path) -> None:
    """A brief run requires nothing of what happens only sometimes."""
    assert not any(each.required for each in counted(tmp_path).values())
    assert counted(tmp_path, strict=True)["race"].required


def test_adoptions_are_told_in_the_time_of_the_history(tmp_path: Path) -> None:
    """An adoption is compared with what was done to the processes before it."""
    started = {"event": "worker_started", "process": "records.1", "timestamp": "1970-01-01T00:01:10Z"}
    adopted = {"event": "outbox_adopted", "process": "records.2", "timestamp": "1970-01-01T00:01:40Z"}
    servers = {"t": {"$date": "1970-01-01T00:01:10Z"}, "s": "I"}
    counted(tmp_path, servers, started, adopted | {"owner": "records.1"}, adopted | {"owner": "records.0"})
    assert adoptions(tmp_path, 60.0) == [
        Adoption(40.0, "records.0", None, 0.0),
        Adoption(40.0, "records.1", "records.worker.1", 10.0),
    ]


def test_reigns_are_told_in_the_order_of_their_epochs(tmp_path: Path) -> None:
    """Who took the log over, and at which size, whichever log says so first."""
    taken = [
        {"event": "log_taken_over", "epoch": epoch, "size": 10 * epoch, "process": f"audit.{epoch}"} for epoch in (2, 1)
    ]
    counted(tmp_path, *taken)
    assert reigns(tmp_path) == [Reign("audit.1", 1, 10), Reign("audit.2", 2, 20)]
