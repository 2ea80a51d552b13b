import pytest

from bench.carnet_side import total
from bench.consuming import with_sealing
from bench.feed import Sealing
from bench.lines import lines
from bench.measure import Sample


def test_sealing_is_paid_in_time_and_in_cpu():
    """What sealing cost where lines entered is added to our own side, for the measured events only."""
    sample = with_sealing(Sample(100, 1.0, {"client": 0.5, "broker": 0.1}), Sealing(events=200, seconds=0.4))
    assert sample.seconds == pytest.approx(1.2)
    assert sample.cpu_seconds == {"client": pytest.approx(0.7), "broker": 0.1}


def test_lines_have_ids_of_their_own():
    """No line is a duplicate of another one, though their contents come back."""
    drawn = list(lines(700))
    assert len({line.id for line in drawn}) == 700
    assert drawn[0].content == drawn[500].content


def test_nested_counts_add_up():
    """The books nest counts by the parts of a type's name; their sum is the number of events."""
    assert total({"reimbursement": {"received": {"v1": 5}}, "record": {"updated": {"v1": 2}}}) == 7
