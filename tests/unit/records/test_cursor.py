"""Cursors: they lead on, for their reader and their record only."""

from datetime import UTC, datetime

import pytest

from services.records.domain.cursor import Place, cursor_of, place_of
from shared.errors import RefusedError

KEY = b"\x07" * 32
PLACE = Place(datetime(2026, 11, 3, 9, 15, 0, 123_000, tzinfo=UTC), "9b3d5e7f1a2c4e6d0b9d6a2f4c8e4a1f")
CURSOR = cursor_of(PLACE, key=KEY, record="a", reader="patient/1")


@pytest.mark.parametrize("created", [PLACE.created, datetime(1890, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)])
def test_there_and_back(created: datetime):
    """F38: a cursor leads to the place it was made for, to the millisecond."""
    place = Place(created, PLACE.id)
    assert place_of(cursor_of(place, key=KEY, record="a", reader="r"), key=KEY, record="a", reader="r") == place


@pytest.mark.parametrize(("record", "reader"), [("b", "patient/1"), ("a", "patient/2"), ("a", "professional/1")])
def test_somebody_elses(record: str, reader: str):
    """C42: a cursor of another record or another reader is refused."""
    with pytest.raises(RefusedError, match="cursor-invalid"):
        place_of(CURSOR, key=KEY, record=record, reader=reader)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é" * 54,
        CURSOR[:-1],
        CURSOR + "A",
        CURSOR[::-1],
        "A" * 54,
        CURSOR.swapcase(),
        " " + CURSOR[1:],
        "=" * 54,
    ],
)
def test_made_up(cursor: str):
    """C42: what was never given out is refused."""
    with pytest.raises(RefusedError, match="cursor-invalid"):
        place_of(cursor, key=KEY, record="a", reader="patient/1")
