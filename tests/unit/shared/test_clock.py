"""The clocks: the machine's, and the one that runs ahead for demonstrations."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import ClockAhead, paris_date, write_ahead


def test_a_clock_ahead_follows_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It shows the machine's time until its file says otherwise, and moves on when the file does."""
    monkeypatch.setattr(ClockAhead, "LOOK_S", 0.0)
    file = tmp_path / "ahead"
    clock = ClockAhead(file)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)

    for days in (1, 45):
        write_ahead(file, timedelta(days=days))
        assert abs(clock.now() - datetime.now(UTC) - timedelta(days=days)) < timedelta(seconds=1)


def test_a_clock_ahead_does_not_guess(tmp_path: Path):
    """A file that holds no number stops whoever asks for the time: no rule about a date is applied at random."""
    file = tmp_path / "ahead"
    file.write_text("soon")
    with pytest.raises(ValueError, match="float"):
        ClockAhead(file).now()


def test_the_legal_day_is_that_of_paris():
    """Half past midnight in Paris is a day on, whatever it is in Greenwich."""
    assert str(paris_date(datetime(2026, 6, 30, 22, 30, tzinfo=UTC))) == "2026-07-01"


def test_the_calendar_ends_in_paris_too():
    """An instant that is in the year 10,000 in Paris is of the last legal day that there is."""
    assert paris_date(datetime(9999, 12, 31, 23, 30, tzinfo=UTC)) == date.max
