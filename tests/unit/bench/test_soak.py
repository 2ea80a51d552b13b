"""What is told of memory that was looked at now and then."""

import os

import pytest

from bench.soak import Held, Soak, markdown, resident, told


def test_both_ends_are_medians_after_the_warm_up():
    """The warm-up counts for the most that was held, not for the first; one look alone says nothing."""
    seen = [{"worker": held} for held in (900.0, 500.0, *[100.0] * 40, *[110.0] * 39, 300.0, 110.0, 110.0)]
    assert told(seen) == [Held("worker", 100.0, 110.0, 900.0)]


def test_nothing_seen_is_nothing_told():
    """A soak that was over before the first look has no numbers."""
    assert told([]) == []


def test_memory_is_read_in_bytes():
    """A Python process holds some megabytes, and not a thousand times that."""
    assert 5_000_000 < resident(os.getpid()) < 5_000_000_000


def test_the_table_has_a_line_per_process():
    """Each process stands in the table with its three numbers."""
    lines = markdown(Soak(10, 1_000_000, [Held("ingest.worker", 90.4, 91.0, 95.0)])).splitlines()
    assert lines[-1] == "| ingest.worker | 90 | 91 | 95 |"
    assert "1,000,000 lines" in lines[0]


def test_a_process_that_is_gone_is_an_error():
    """A service that died during a soak ends it."""
    with pytest.raises(OSError, match="proc"):
        resident(2**22 + 1)
