"""The professionals who write documents: the same ones for a department and a speciality, each at a place of work."""

from functools import cache
from random import Random
from typing import Final

from shared.identity.luhn import luhn_digit
from simulator import names
from simulator.care import Performer, professionals
from simulator.clinic_header import Author

_STRUCTURES: Final = {
    "SM03": "Laboratoire du Parc",
    "SM04": "Centre hospitalier de la Gare",
    "SM44": "Centre d'imagerie des Halles",
}


def author(department: str, speciality: str, rng: Random) -> Author:
    """Return one of the professionals of a department, at a place of work of their own."""
    return rng.choice(_authors(department, speciality))


@cache
def _authors(department: str, speciality: str) -> tuple[Author, ...]:
    rng = Random(f"authors:{department}:{speciality}")
    return tuple(_author(rng, department, found) for found in professionals(department, speciality))


def _author(rng: Random, department: str, found: Performer) -> Author:
    year, sex = rng.randint(1960, 1995), rng.choice("MF")
    given = names.given_names(rng, year=year, sex=sex, origin="france", born_in_france=True)
    speciality = found.speciality or "SM54"
    return Author(
        number=found.id_nat,
        family=names.family_name(rng, "france"),
        given=given[0],
        speciality=speciality,
        structure_number=f"1{found.finess or _finess(rng, department)}",
        structure=f"{_STRUCTURES.get(speciality, 'Cabinet médical')} ({department})",
    )


def _finess(rng: Random, department: str) -> str:
    digits = f"{department[:2]}99{rng.randrange(10**4):04d}"
    return digits + luhn_digit(digits.translate(str.maketrans("AB", "12")))
