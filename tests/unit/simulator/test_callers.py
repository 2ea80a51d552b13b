"""Who is asked to read what others wrote."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.callers import consulted
from simulator.clinic_documents import documents
from simulator.population import people

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("day", range(0, 60, 6))
def test_a_reader_has_written_nothing(day: int):
    """Whoever is to be denied a masked document is not its author, whatever was written on whichever day."""
    for person in people(1, 40):
        written = list(documents(person, 1, 8, until=NOON + timedelta(days=day)))
        reader = consulted(person, wrote=[each.author for each in written])

        assert reader.number not in {each.author.number for each in written}
