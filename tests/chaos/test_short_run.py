"""A brief run of the rig itself: some faults of every kind, and a verdict that is green."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.places import CLONE, homes, packages_folder
from deploy.local.processes import running_processes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give an empty place for run-time data; what was fetched already is not fetched again."""
    if packages_folder().exists():
        (tmp_path / "debian").symlink_to(packages_folder())
    return tmp_path


def test_a_brief_run_is_green_and_leaves_nothing_behind(home: Path):
    """Killed, cut off and confused for half a minute, the system keeps every promise; all ends with the command."""
    words = ["chaos", "--minutes", "0.5", "--seed", "1", "--faults", "brief"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CARNET_")}
    ran = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=CLONE,
        env=environment | {"CARNET_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (verdict,) = home.glob("chaos/*/verdict.json")
    told = json.loads(verdict.read_text())
    assert told["good"]
    assert told["published"] > 1_000
    assert all(times for times in told["faults"].values())
    assert [process.name for each in homes(home) for process in running_processes(each)] == []
