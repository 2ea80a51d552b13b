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


def ask(place: int, month: str = SEASON.first_shown_month) -> list[ReimbursementSettledV1]:
    """Ask for somebody's lines."""
    person = CROWD[place]
    asked = {"registration": f"/insurers/{person.insurer}|{registration_id(person)}", "from_month": month}
    return [ReimbursementSettledV1.model_validate_json(line.body) for line in ARCHIVE.answer(asked)]


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


def test_the_same_question_twice():
    """Asked again, the insurer sends the same lines under the same ids, which Carnet takes for what they are."""
    assert [line.id for line in ask(3)] == [line.id for line in ask(3)]


def test_a_later_month():
    """What is older than the month asked for is not sent."""
    every, recent = ask(0), ask(0, "2026-06")
    assert 0 < len(recent) < len(every)
    assert Counter(line.data.care_start >= date(2026, 6, 1) for line in recent) == {True: len(recent)}


def test_nobody():
    """A registration that this insurer never made is answered by nothing."""
    assert ARCHIVE.answer({"registration": "/insurers/cpam-44|x/1", "from_month": "2024-01"}) == []
