from bench.measure import TICKS, Meter, Sample, figures, session_and_cpu, spent


def _clock(*readings):
    told = iter(readings)
    return lambda: {"client": next(told)}


def test_nothing_is_measured_before_the_warm_up_is_over():
    """What comes before the end of the warm-up is counted neither as events nor as CPU."""
    meter = Meter(100, 200, _clock(5.0, 7.0))
    assert not meter.count(60)
    assert not meter.count(60)
    assert not meter.count(150)
    assert meter.count(60)
    assert meter.sample is not None
    assert meter.sample.events == 210
    assert meter.sample.cpu_seconds == {"client": 2.0}


def test_events_after_the_last_are_not_measured():
    """Once the last event was seen, the sample does not change any more."""
    meter = Meter(0, 10, _clock(0.0, 1.0))
    meter.count(0)
    meter.count(10)
    sample = meter.sample
    assert meter.count(50)
    assert meter.sample is sample


def test_medians_and_range():
    """A side is its median repetition, with the slowest and the fastest beside it."""
    samples = [Sample(100, seconds, {"client": cpu}) for seconds, cpu in ((1.0, 0.3), (4.0, 0.1), (2.0, 0.2))]
    found = figures("ours", samples)
    assert (found.rate, found.slowest, found.fastest) == (50.0, 25.0, 100.0)
    assert found.cpu_us == {"client": 2000.0}


def test_cpu_of_a_process_whose_name_looks_like_fields():
    """A process is read from its last parenthesis on, whatever it calls itself; dead children count."""
    times = f"{3 * TICKS} {TICKS} {2 * TICKS} {TICKS}"
    assert session_and_cpu(f"42 (a) b) S 1 40 39 0 -1 4194304 99 0 0 0 {times} 20 0 1 0") == (39, 7.0)


def test_spent_counts_a_newcomer_from_zero():
    """A process that was not there at the first reading has spent all that it shows."""
    assert spent({"old": 2.0}, {"old": 5.0, "new": 1.0}) == {"old": 3.0, "new": 1.0}
