"""The file of what was tried and what came of it."""

from pathlib import Path

import pytest

from chaos.history import History, lines, operations


def test_what_ended_is_told_with_its_end(tmp_path: Path) -> None:
    """An operation is one thing with a beginning and an end, however many run at once."""
    history = History.open(tmp_path / "h.jsonl")
    with history.operation("a", "read", path="/x") as first, history.operation("a", "read", path="/y") as second:
        second.fail(status=404)
        first.ok(status=200)
    history.close()
    done = operations(list(lines(tmp_path / "h.jsonl")))
    assert [(each.outcome, each.asked["path"], each.told["status"]) for each in done] == [
        ("ok", "/x", 200),
        ("fail", "/y", 404),
    ]


def test_what_broke_or_never_ended_is_unknown(tmp_path: Path) -> None:
    """Nobody knows whether an operation took effect that ended in an error, or of which only the beginning is there."""
    history = History.open(tmp_path / "h.jsonl")
    with pytest.raises(ConnectionError), history.operation("a", "publish"):
        raise ConnectionError
    history.record("a", "publish", "invoke", n=99)
    history.close()
    assert [each.outcome for each in operations(list(lines(tmp_path / "h.jsonl")))] == ["info", "info"]


def test_a_line_cut_off_is_left_out(tmp_path: Path) -> None:
    """A history survives the death of whoever writes it."""
    path = tmp_path / "h.jsonl"
    history = History.open(path)
    history.record("rig", "fault", "ok", name="kill-worker")
    history.close()
    with path.open("ab") as file:
        file.write(b'{"t": 1, "proc')
    assert [each["op"] for each in lines(path)] == ["begin", "fault"]
