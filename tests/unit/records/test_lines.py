"""Which lines are kept and which are seen."""

from datetime import date
from itertools import permutations

import pytest

from services.records.domain.lines import Line, first_kept_month, visible


def line(name: str, reverses: str | None = None) -> Line:
    """Return a line of the same record and month as every other."""
    return Line(name, "r", "2026-10", "cpam-44", reverses, "e", b"shut")


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 11, 15), "2024-11"),
        (date(2026, 12, 31), "2024-12"),
        (date(2027, 1, 1), "2025-01"),
        (date(2024, 2, 29), "2022-02"),
    ],
)
def test_the_window(today: date, first: str):
    """The current month and the 24 before it are kept (F45)."""
    assert first_kept_month(today) == first


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ([], set()),
        ([line("a"), line("b")], {"a", "b"}),
        ([line("a"), line("b"), line("a-", "a")], {"b"}),
        ([line("a-", "a"), line("b")], {"b"}),
        ([line("a"), line("a-", "a"), line("a--", "a")], set()),
        ([line("a"), line("a-", "a"), line("a2")], {"a2"}),
        ([line("a", "a")], set()),
    ],
)
def test_visible(lines: list[Line], seen: set[str]):
    """A line and its reversals cancel in any order of arrival; a reversal alone shows nothing (F46)."""
    for order in permutations(lines):
        assert {found.id for found in visible(order)} == seen
