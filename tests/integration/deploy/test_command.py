"""`./carnet` itself: what it says, how fast, and where the user's own folder comes in."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.local.places import CLONE


def carnet(*words: str, home: Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, from another folder."""
    given = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "CARNET_HOME": str(home)}
    return subprocess.run(
        [str(CLONE / "carnet"), *words],
        cwd=cwd,
        env=given | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(autouse=True)
def _set_up() -> None:
    if not any(CLONE.glob(".venv/.carnet-*")):
        pytest.skip("this environment was not made by ./carnet")


def test_help_names_every_command(tmp_path: Path) -> None:
    """The help lists the commands and needs nothing to run."""
    said = carnet("--help", home=tmp_path, cwd=tmp_path)
    assert said.returncode == 0
    assert all(word in said.stdout for word in ("demo", "test", "check", "up", "down", "doctor", "parked", "bench"))


def test_nothing_to_stop(tmp_path: Path) -> None:
    """Stopping what does not run is not an error."""
    said = carnet("down", home=tmp_path, cwd=tmp_path)
    assert (said.returncode, said.stdout.strip()) == (0, "Nothing runs from this clone.")


def test_the_doctor_finds_loose_keys(tmp_path: Path) -> None:
    """A key that others can read is a failure with the sentence that mends it."""
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("kek", "index"):
        (keys / name).write_bytes(bytes(32))
        (keys / name).chmod(0o644)
    said = carnet("doctor", home=tmp_path, cwd=tmp_path)
    assert said.returncode == 1
    assert "chmod 400" in said.stdout


def test_the_users_folder_is_not_imported(tmp_path: Path) -> None:
    """A folder named cli/ where the user stands is not taken for Carnet's."""
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__init__.py").write_text("raise SystemExit(99)")
    assert carnet("down", home=tmp_path / "home", cwd=tmp_path).returncode == 0


def test_an_old_python_is_a_sentence(tmp_path: Path) -> None:
    """Without a Python that is new enough the script says what to install."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "readlink", "dirname", "mkdir", "rm", "cp"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    (tools / "python3").write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.9.2' || exit 1\n")
    (tools / "python3").chmod(0o755)
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "carnet").write_bytes((CLONE / "carnet").read_bytes())
    said = subprocess.run(
        ["/usr/bin/bash", str(clone / "carnet")], env={"PATH": str(tools)}, capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "Python 3.11 or newer is needed" in said.stderr
    assert "3.9.2" in said.stderr
