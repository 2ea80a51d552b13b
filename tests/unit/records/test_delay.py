"""How long a person may oppose."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.records.domain.delay import Policy, deadline


@pytest.mark.parametrize(
    ("sent_on", "last_day"),
    [
        (date(2022, 1, 15), date(2022, 2, 25)),
        (date(2022, 1, 31), date(2022, 3, 10)),
        (date(2024, 1, 31), date(2024, 3, 10)),
        (date(2024, 1, 30), date(2024, 3, 10)),
        (date(2021, 12, 31), date(2022, 2, 10)),
        (date(2021, 8, 30), date(2021, 10, 10)),
        (date(2022, 3, 28), date(2022, 5, 8)),
    ],
)
def test_a_month_and_ten_days(sent_on: date, last_day: date):
    """SEED is a calendar month, clamped to the end of the shorter one, and ten days (F08)."""
    assert deadline(sent_on, Policy.SEED) == last_day


@pytest.mark.parametrize(
    ("sent_on", "last_day"), [(date(2022, 1, 15), date(2022, 2, 26)), (date(2022, 1, 31), date(2022, 3, 14))]
)
def test_six_weeks(sent_on: date, last_day: date):
    """DECREE is 42 days from the sending (F08)."""
    assert deadline(sent_on, Policy.DECREE) == last_day


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_two_are_close(sent_on: date):
    """Whatever the day, the policies differ by four days at most, and SEED is never the longer one."""
    difference = deadline(sent_on, Policy.DECREE) - deadline(sent_on, Policy.SEED)

    assert timedelta(0) < difference + timedelta(days=1) <= timedelta(days=5)
