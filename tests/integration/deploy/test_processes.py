"""Only what was started is stopped, however a process ends and whatever its id has become."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.places import StackError
from deploy.local.processes import Program, birth, find, launch, running_processes
from deploy.local.system import stop_everything

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
)


def sleeper(name: str, argv: tuple[str, ...] = SLEEPER) -> Program:
    """Give a program that does nothing for a minute."""
    return Program(name, argv, dict(os.environ))


def wait_until(condition, seconds: float = 10.0) -> None:
    """Wait for a condition, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_is_found_again(tmp_path: Path) -> None:
    """What one command started another finds, and stops."""
    started = launch(sleeper("one"), home=tmp_path)
    assert [each.pid for each in running_processes(tmp_path)] == [started.pid]
    assert [each.name for each in stop_everything(tmp_path)] == ["one"]
    assert not started.alive()
    assert running_processes(tmp_path) == []


def test_the_deaf_are_killed(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed once its time is over."""
    started = launch(sleeper("deaf", STUBBORN), home=tmp_path)
    wait_until(lambda: "deaf" in started.log.read_text())
    started.stop(grace=0.2)
    assert not started.alive()


def test_a_reused_id_is_left_alone(tmp_path: Path) -> None:
    """A record whose process has died never leads to the process that got its id afterwards."""
    stranger = subprocess.Popen(SLEEPER)
    record = tmp_path / "run" / "one.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"pid": stranger.pid, "born": "long ago", "started": 0}))
    try:
        assert find(tmp_path, "one") is None
        assert stop_everything(tmp_path) == []
        assert stranger.poll() is None
        assert not record.exists()
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x", "born": "y", "started": 0}'])
def test_a_broken_record_is_no_process(tmp_path: Path, content: str) -> None:
    """A record cut short by a power failure is ignored."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "one.json").write_text(content)
    assert running_processes(tmp_path) == []


def test_one_process_per_name(tmp_path: Path) -> None:
    """The same program is not started twice from one folder."""
    started = launch(sleeper("one"), home=tmp_path)
    with pytest.raises(StackError, match="already runs"):
        launch(sleeper("one"), home=tmp_path)
    started.kill()


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    """Even a command killed by SIGKILL leaves nothing running, unless it was told to."""
    script = (
        "import os, sys, time; from pathlib import Path; from deploy.local.processes import Program, launch\n"
        "for name, outlive in (('tied', False), ('free', True)):\n"
        "    launch(Program(name, (sys.executable, '-c', 'import time; time.sleep(60)'), dict(os.environ)),"
        " home=Path(sys.argv[1]), outlive_parent=outlive)\n"
        "print('started', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        tied, free = find(tmp_path, "tied"), find(tmp_path, "free")
        parent.kill()
    assert tied is not None
    assert free is not None
    wait_until(lambda: birth(tied.pid) != tied.born)
    assert free.alive()
    free.kill()
