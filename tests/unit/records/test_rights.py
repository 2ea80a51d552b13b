"""Rights: how long an authorisation lasts, and what recording one again does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.records.domain.rights import VALID_FOR, By, Grant, Right, Standing, says_the_same, standing

SINCE = datetime(2026, 11, 15, 12, tzinfo=UTC)
RIGHT = Right("5f" * 16, "0b" * 16, Grant.AUTHORISED, SINCE, By.HOLDER, 1, b"shut")
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("right", "after", "expected"),
    [
        (None, MOMENT, Standing.ABSENT),
        (RIGHT, timedelta(), Standing.VALID),
        (RIGHT, VALID_FOR - MOMENT, Standing.VALID),
        (RIGHT, VALID_FOR, Standing.EXPIRED),
        (replace(RIGHT, grant=Grant.BLOCKED), VALID_FOR * 50, Standing.BLOCKED),
        (replace(RIGHT, grant=Grant.WITHDRAWN), MOMENT, Standing.ABSENT),
    ],
)
def test_standing(right: Right | None, after: timedelta, expected: Standing):
    """F48, F49: an authorisation lasts 365 days to the moment, a block for ever, what was withdrawn counts as never."""
    assert standing(right, SINCE + after, VALID_FOR) is expected


@pytest.mark.parametrize(
    ("right", "grant", "after", "same"),
    [
        (None, Grant.AUTHORISED, timedelta(), False),
        (None, Grant.WITHDRAWN, timedelta(), True),
        (RIGHT, Grant.AUTHORISED, timedelta(hours=23), True),
        (RIGHT, Grant.AUTHORISED, timedelta(days=1), False),
        (RIGHT, Grant.BLOCKED, timedelta(), False),
        (RIGHT, Grant.WITHDRAWN, timedelta(), False),
        (replace(RIGHT, grant=Grant.BLOCKED), Grant.BLOCKED, VALID_FOR, True),
        (replace(RIGHT, grant=Grant.WITHDRAWN), Grant.WITHDRAWN, timedelta(), True),
    ],
)
def test_the_same_again(right: Right | None, grant: Grant, after: timedelta, same: bool):
    """F48: the same request again changes nothing; a consent on a later day begins a new year."""
    assert says_the_same(right, grant, SINCE + after) is same
