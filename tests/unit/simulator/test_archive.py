"""What insurers answer when they are asked for the past of somebody whose record was opened."""

from collections import Counter
from datetime import date

import pytest

from shared.contracts.insurers import ReimbursementSettledV1
from simulator.archive import FLUX, Archive
from simulator.claims import claims
from simulator.population import people
from simulator.publications import Season, registration_id

SEASON = Season("2026-11-21T09:00:00Z", date(2026, 11, 21))
CROWD = list(people(1, 40))
ARCHIVE = Archive(CROWD, seed=1, lines=20, season=lambda: SEASON)


def ask(place: int, month: str = SEASON.first_shown_month, archive: Archive = ARCHIVE) -> list[ReimbursementSettledV1]:
    """Ask for somebody's lines."""
    person = CROWD[place]
    asked = {"registration": f"/insurers/{person.insurer}|{registration_id(person)}", "from_month": month}
    return [ReimbursementSettledV1.model_validate_json(line.body) for line in archive.answer(asked)]


@pytest.mark.parametrize("place", range(5))
def test_the_months_asked_for(place: int):
    """The answer is that person's lines since the month, each under an id that is not the line's first."""
    person, lines = CROWD[place], ask(place)

    assert lines
    assert {line.data.ins.value for line in lines} == {person.ins}
    assert min(line.data.care_start for line in lines).isoformat()[:7] >= SEASON.first_shown_month
    for line in lines:
        assert line.id == f"{line.data.flux}/{line.data.line}"
        assert line.data.flux.startswith(FLUX)
        assert line.data.reverses is None or line.data.reverses.startswith(FLUX)
    published = {line.id for line in claims(person, 1, 20, until=SEASON.today)}
    assert not published & {line.id for line in lines}


def test_the_same_question_on_another_day():
    """F12: asked again when a record was opened again, insurers send the same lines under the same ids.

    Carnet knows an event by its id and by what it says, whenever it was sent: none enters the record twice.
    """
    days = [SEASON, Season("2027-01-30T09:00:00Z", date(2027, 1, 30))]
    archive = Archive(CROWD, seed=1, lines=20, season=lambda: days[0])
    first, again = ask(3, archive=archive), ask(3, archive=archive)
    days.pop(0)
    later = ask(3, archive=archive)

    assert [line.data for line in first] == [line.data for line in again] == [line.data for line in later]
    assert [line.id for line in first] == [line.id for line in again] == [line.id for line in later]
    assert {line.time for line in later}.isdisjoint(line.time for line in first)


def test_the_months_of_another_day():
    """F12: what a later question reaches is a part of what an earlier one did."""
    first, later = ask(0), ask(0, "2025-02")
    assert {line.id for line in later} < {line.id for line in first}


def test_a_later_month():
    """What is older than the month asked for is not sent."""
    every, recent = ask(0), ask(0, "2026-06")
    assert 0 < len(recent) < len(every)
    assert Counter(line.data.care_start >= date(2026, 6, 1) for line in recent) == {True: len(recent)}


def test_nobody():
    """A registration that this insurer never made is answered by nothing."""
    assert ARCHIVE.answer({"registration": "/insurers/cpam-44|x/1", "from_month": "2024-01"}) == []
