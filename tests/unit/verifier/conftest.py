"""A sound log, a copy to be damaged, and the command as its user runs it."""

import shutil
from pathlib import Path

import pytest

from tests.fakes.logs import log_of
from tests.fakes.signing import POLICY
from tests.unit.verifier.runs import SIZE, Verify
from verifier.command import main


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that nobody has touched."""
    return log_of(SIZE).export(tmp_path_factory.mktemp("log"))


@pytest.fixture
def export(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return shutil.copytree(sound, tmp_path / "export")


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Run the command as its user does; return its exit code and the lines that it wrote."""
    policy = tmp_path / "policy"
    policy.write_text(POLICY)

    def run(*words: str | Path) -> tuple[int, list[str]]:
        with pytest.raises(SystemExit) as ended:
            main(["--policy", str(policy), *map(str, words)])
        written = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, (written.out + written.err).splitlines()

    return run
