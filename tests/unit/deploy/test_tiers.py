"""The guard over the tiers fails what proved nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tiers import Tiers, tier_of

ROOT = Path("/clone/tests")


def report(tier: str, outcome: str) -> Any:
    """Give what pytest says of one test."""
    said = {"nodeid": f"tests/{tier}/test_x.py::test_x", "when": "call" if outcome == "passed" else "setup"}
    return SimpleNamespace(**said, passed=outcome == "passed", skipped=outcome == "skipped")


def session(status: pytest.ExitCode) -> Any:
    """Give a session that ends with a status."""
    config = SimpleNamespace(option=SimpleNamespace(collectonly=False))
    return SimpleNamespace(exitstatus=status, config=config)


def finish(asked: list[str], outcomes: list[tuple[str, str]], status: pytest.ExitCode) -> int:
    """Run a session through the guard and give its exit status."""
    tiers, ended = Tiers(asked, ROOT), session(status)
    for tier, outcome in outcomes:
        tiers.pytest_runtest_logreport(report(tier, outcome))
    tiers.pytest_sessionfinish(ended)
    return int(ended.exitstatus)


def test_a_tier_that_passed_is_left_alone() -> None:
    """A tier in which one test passed keeps pytest's verdict, whatever was skipped beside it."""
    outcomes = [("unit", "passed"), ("unit", "skipped")]
    assert finish(["unit"], outcomes, pytest.ExitCode.OK) == pytest.ExitCode.OK


def test_a_skipped_tier_fails() -> None:
    """A tier in which everything was skipped fails the run."""
    outcomes = [("unit", "passed"), ("e2e", "skipped")]
    assert finish(["unit", "e2e"], outcomes, pytest.ExitCode.OK) == pytest.ExitCode.TESTS_FAILED


def test_a_tier_without_tests_fails() -> None:
    """A tier in which nothing was collected fails the run."""
    assert finish(["contract"], [], pytest.ExitCode.NO_TESTS_COLLECTED) == pytest.ExitCode.TESTS_FAILED


def test_a_plain_pytest_asks_for_nothing() -> None:
    """Without --tier the guard changes nothing."""
    assert finish([], [], pytest.ExitCode.OK) == pytest.ExitCode.OK


def test_the_tier_is_the_first_folder() -> None:
    """A test's tier is the folder under tests/ it lies in."""
    assert tier_of(ROOT / "integration" / "deploy" / "test_x.py", ROOT) == "integration"
    assert tier_of(ROOT / "test_x.py", ROOT) == ""
