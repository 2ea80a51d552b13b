"""Who is in a run: a few patients of whom clinics write and whom people read, and ever more people who are insured."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Final

from simulator.callers import consulted
from simulator.clinic_header import Author
from simulator.population import DMP_CREATION_ENDED, Person, people

PATIENTS: Final = 8
COHORT: Final = 40
"""People who are registered together, each in several versions, while their first lines come in."""

_LEGACY: Final = date(2019, 5, 6)
_MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody of whom clinics write, and who lets one professional read."""

    number: int
    person: Person
    doctor: Author


def patients(seed: int) -> list[Patient]:
    """Return the patients, whose records are open."""
    crowd = islice(filter(_may_have_dmp, people(seed, _MANY)), PATIENTS)
    return [Patient(number, _opened(person), consulted(person)) for number, person in enumerate(crowd)]


def cohorts(seed: int) -> Iterator[list[Person]]:
    """Yield everybody else, without end as far as a run goes; the records of grown-ups are open."""
    others = iter(people(seed + 1_000_003, _MANY))
    while cohort := list(islice(others, COHORT)):
        yield [_opened(person) if _may_have_dmp(person) else person for person in cohort]


def _may_have_dmp(person: Person) -> bool:
    return person.birth_date < _LEGACY


def _opened(person: Person) -> Person:
    return replace(person, dmp_created_on=_LEGACY) if person.dmp_created_on is None else person


assert _LEGACY < DMP_CREATION_ENDED  # noqa: S101 - what opens a record from its registration on (F03)
