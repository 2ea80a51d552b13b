"""Numbers without gaps: what is missing shows, and what is late or out of order does not (F57)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.audit.domain.series import Series

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=41)
DELAY = timedelta(seconds=40)


def missing(series: Series, now: datetime = LATER) -> list[int]:
    """Return the numbers that are overdue."""
    return [number for gap in series.overdue(now, DELAY) for number in range(gap.first, gap.last + 1)]


@pytest.mark.parametrize(
    ("seen", "told", "gone"),
    [
        ([], 0, []),
        ([1, 2, 3], 0, []),
        ([1, 3], 0, [2]),
        ([2, 3], 0, [1]),
        ([1, 2], 3, [3]),
        ([], 2, [1, 2]),
        ([1, 5, 9], 10, [2, 3, 4, 6, 7, 8, 10]),
        ([1, 2, 3], 2, []),
    ],
)
def test_what_is_missing(seen: Sequence[int], told: int, gone: list[int]):
    """F57: what is missing below another number, or below what the producer states, is named."""
    assert missing(Series().seen(seen, NOW).told(told, NOW)) == gone


def test_every_order_ends_alike():
    """F57: the numbers may come in any order and twice; when all are there, nothing is missing."""
    for order in permutations(range(1, 6)):
        series = Series()
        for number in (*order, order[0]):
            series = series.seen([number], NOW)
        assert series == Series(5, ())


def test_late_is_not_missing():
    """F57: what comes within the delay was never missing, and what comes after it is missing no more."""
    series = Series().seen([1, 2, 5], NOW)

    assert not missing(series, NOW + DELAY)
    assert missing(series) == [3, 4]
    series = series.seen([4], LATER)
    assert missing(series) == [3]
    assert missing(series.seen([3], LATER)) == []


def test_a_gap_is_as_old_as_it_was_noticed():
    """F57: a new gap does not make an old one younger, nor the reverse."""
    series = Series().seen([1, 3], NOW).seen([5], LATER)

    assert missing(series) == [2]
    assert missing(series, LATER + DELAY + timedelta(seconds=1)) == [2, 4]


def test_the_same_again():
    """Taking up the same numbers and statements again changes nothing: a look may be cut off anywhere."""
    series = Series().seen([1, 4, 7], NOW).told(9, NOW)

    assert series.seen([1, 4, 7], LATER).told(9, LATER) == series


def test_a_number_out_of_all_bounds():
    """A number that nobody gave costs no more than another."""
    series = Series().seen([1, 2**53 - 1], NOW)

    assert [(gap.first, gap.last) for gap in series.gaps] == [(2, 2**53 - 2)]
