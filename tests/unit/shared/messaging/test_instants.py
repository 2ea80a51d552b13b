"""The instant of a commit goes on while a machine is suspended."""

import time
from datetime import timedelta

import pytest

from shared.messaging import instants


def test_a_suspended_machine_loses_no_time(monkeypatch: pytest.MonkeyPatch):
    """Ten minutes in which the machine stood still have passed, as they have for the database."""
    before, real = instants.now(), time.clock_gettime

    def after_a_suspension(clock: int) -> float:
        return real(clock) + (600 if clock == time.CLOCK_BOOTTIME else 0)

    monkeypatch.setattr(time, "clock_gettime", after_a_suspension)

    assert timedelta(minutes=10) <= instants.now() - before < timedelta(minutes=11)
