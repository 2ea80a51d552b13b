"""What the benchmark of reads makes of its samples."""

import pytest

from bench.http_get import arrivals, request
from bench.reads import Reads, percentile, table


@pytest.mark.parametrize(("share", "value"), [(0.5, 51), (0.99, 100), (1.0, 100), (0.0, 1)])
def test_percentiles(share: float, value: float):
    """A percentile is a value that was measured, never one between two."""
    assert percentile(list(range(1, 101)), share) == value


def test_readers_arrive_by_chance():
    """Readers come at the rate, in order, in the same way for the same seed."""
    times = arrivals(10_000, 200, seed=1)
    assert times == sorted(times) == arrivals(10_000, 200, seed=1)
    assert times[-1] == pytest.approx(50, rel=0.05)


def test_a_request_is_whole():
    """A request is what goes over the line: one GET with its token."""
    text = request("http://127.0.0.1:8080", "/v1/records/me/documents", "t0k")
    assert text.startswith(b"GET /v1/records/me/documents HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n")
    assert text.endswith(b"authorization: Bearer t0k\r\n\r\n")


def test_both_sides_stand_in_the_table():
    """The traced side stands beside the untraced one; what could not be watched is said to be so."""
    shown = table([Reads("traced", 5, 20, 30, 3_000, 900), Reads("untraced", 3, 9, 12, 2_000, None)], 200)
    assert "| traced | 5.0 | 20.0 | 30.0 | 3,000 | 900 |" in shown
    assert "| untraced | 3.0 | 9.0 | 12.0 | 2,000 | n/a |" in shown
    assert "200 readers per second" in shown
