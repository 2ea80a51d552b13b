"""Points in time as HL7 writes them."""

from datetime import UTC, date, datetime

import pytest

from services.ingest.domain.documents.times import day_of, instant_of, moment_of
from shared.errors import RefusedError


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20261103101500+0100", datetime(2026, 11, 3, 9, 15, tzinfo=UTC)),
        ("202302091130+0100", datetime(2023, 2, 9, 10, 30, tzinfo=UTC)),
        ("20260101000000-0400", datetime(2026, 1, 1, 4, tzinfo=UTC)),
        ("20260101000000.25+1200", datetime(2025, 12, 31, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("20240229235959+0000", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_instants(text, instant):
    """An instant is read with or without seconds, by its own offset."""
    assert instant_of(text, "creation_time") == instant


@pytest.mark.parametrize(
    "text",
    [
        "20261103101500",
        "20261103",
        "2026",
        "20260229101500+0100",
        "20261103240000+0100",
        "20261103101560+0100",
        "00000101000000+0000",
        "99991231235959-1200",
        "1000001010000+0000",
        "20261103101500+2500",
        "20261103101500+0160",
        "20261103101500Z",
        "2026-11-03T10:15:00+01:00",
        "20٢٦1103101500+0100",
        " 20261103101500+0100",
        "20261103101500+0100\n",
        "",
    ],
)
def test_no_instants(text):
    """A time without an offset, or one that does not exist, is refused by its place."""
    with pytest.raises(RefusedError) as refusal:
        instant_of(text, "creation_time")
    assert (refusal.value.code, refusal.value.field) == ("date-invalid", "creation_time")


def test_moments():
    """An act may have a bare day: its beginning in Paris, in summer as in winter."""
    assert moment_of("20261103", "service_start") == datetime(2026, 11, 2, 23, tzinfo=UTC)
    assert moment_of("20260703", "service_start") == datetime(2026, 7, 2, 22, tzinfo=UTC)
    assert moment_of("202611031015+0100", "service_start") == datetime(2026, 11, 3, 9, 15, tzinfo=UTC)
    with pytest.raises(RefusedError):
        moment_of("20260229", "service_start")
    with pytest.raises(RefusedError):
        moment_of("00010101", "service_start")


def test_days():
    """A birth has the day that is written, whatever hour and offset follow; a year alone is no day."""
    assert day_of("19790328", "patient.birth_date") == date(1979, 3, 28)
    assert day_of("19790328003000+0100", "patient.birth_date") == date(1979, 3, 28)
    for text in ("1979", "197903", "19790332", "x19790328"):
        with pytest.raises(RefusedError):
            day_of(text, "patient.birth_date")
