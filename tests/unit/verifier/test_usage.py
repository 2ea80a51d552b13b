"""Calls of the command that cannot be meant, and a policy that is none."""

from pathlib import Path

import pytest

from tests.unit.verifier.runs import Verify
from verifier.command import main


@pytest.mark.parametrize("words", [[], ["export"], ["unlog", "."], ["receipt", "nowhere.json"]])
def test_wrong_usage(words: list[str], verify: Verify) -> None:
    """A call that cannot be meant ends with 3."""
    assert verify(*words)[0] == 3


def test_a_policy_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy file with a mistake ends with 3, and the line is named."""
    policy = tmp_path / "wrong"
    policy.write_text("log nobody\n")
    with pytest.raises(SystemExit) as ended:
        main(["--policy", str(policy), "export", str(tmp_path)])
    assert (ended.value.code, capsys.readouterr().err) == (3, "policy: line 1: key-malformed\n")
