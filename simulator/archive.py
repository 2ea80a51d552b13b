"""What insurers keep of the past: asked for somebody's months, they publish them again, as lines of another flux."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from simulator.claim_line import ClaimLine
from simulator.claims import claims
from simulator.population import Person
from simulator.publications import Publication, Season, registration_id

FLUX: Final = "history."
"""Begins the flux of a line from the archive: the same line under its first id would be a repetition, and ignored.

Under this one it is a repetition the next time: a record that is opened again gets no line twice.
"""


class Archive:
    """The settled lines of everybody, by the registration in whose words an insurer is asked."""

    def __init__(self, crowd: Iterable[Person], *, seed: int, lines: int, season: Callable[[], Season]) -> None:
        """``lines``: how many lines of each person the archive holds; ``season``: the present one.

        What was settled by the day on which the archive is made is in it, and stays as it is.
        """
        self._people = {f"/insurers/{person.insurer}|{registration_id(person)}": person for person in crowd}
        self._seed = seed
        self._lines = lines
        self._season = season
        self._settled_by = season().today

    def answer(self, asked: Mapping[str, Any]) -> list[Publication]:
        """Return the lines that a `HistoryRequestedV1` asks for; none for a registration that nobody made.

        A line has the same id and says the same on whatever day it is asked for.
        """
        person = self._people.get(asked["registration"])
        if person is None:
            return []
        season = self._season()
        found = claims(person, self._seed, self._lines, until=self._settled_by)
        kept = [line for line in found if line.care_start.isoformat()[:7] >= asked["from_month"]]
        return [season.settlement(person, _again(line), opened=True) for line in kept]


def _again(line: ClaimLine) -> ClaimLine:
    reverses = None if line.reverses is None else FLUX + line.reverses
    return replace(line, flux=FLUX + line.flux, reverses=reverses)
