"""A tier in which nothing passed fails the run: a suite that skips itself proves nothing."""

from collections import Counter
from pathlib import Path

import pytest

MARKED = ("integration", "e2e", "chaos")


def tier_of(path: Path, root: Path) -> str:
    """Give the tier of a test file: the folder under tests/ it lies in."""
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else ""


class Tiers:
    """Counts what passed per tier and fails the session for a tier that was asked for and proved nothing."""

    def __init__(self, asked: list[str], root: Path) -> None:
        self.asked = asked
        self.root = root
        self.passed: Counter[str] = Counter()
        self.not_run: Counter[str] = Counter()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark each test with its tier, where the tier is a marker."""
        for item in items:
            if (tier := tier_of(item.path, self.root)) in MARKED:
                item.add_marker(tier)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count."""
        tier = report.nodeid.split("/")[1] if report.nodeid.count("/") > 1 else ""
        if report.when == "call" and report.passed:
            self.passed[tier] += 1
        elif report.skipped:
            self.not_run[tier] += 1

    def empty(self) -> list[str]:
        """List the tiers that were asked for and in which nothing passed."""
        return [tier for tier in self.asked if not self.passed[tier]]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the session for an empty tier, whatever pytest thought of it."""
        passing = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self.empty() and session.exitstatus in passing and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which tier proved nothing."""
        if terminalreporter.config.option.collectonly:
            return
        for tier in self.empty():
            reason = f"{self.not_run[tier]} skipped" if self.not_run[tier] else "no test was found"
            terminalreporter.write_line(f"Tier {tier}: nothing passed ({reason}), so the run fails.", red=True)
