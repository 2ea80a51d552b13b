"""What insurers pay for and whom they pay: the catalogue of care and the professionals of a department."""

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import NamedTuple

from shared.identity.luhn import luhn_digit
from simulator import names, tables


@dataclass(frozen=True, slots=True)
class Act:
    """What was done or delivered, as the invoice codes it; ``nature`` is DCIR's PRS_NAT_REF."""

    family: str
    code: str
    label: str
    nature: int


@dataclass(frozen=True, slots=True)
class Performer:
    """A professional as the invoice names one; ``speciality`` is a code of the national registers."""

    id_nat: str
    name: str
    speciality: str | None
    finess: str | None


class Care(NamedTuple):
    """A line of the catalogue: an act, who does it, and its tariff."""

    act: Act
    speciality: str
    unit: int
    """Price of coefficient 1, in cents."""
    coefficient_hundredths: int
    rate_percent: int
    sex: str
    """M, F, or empty for both."""
    ages: range

    def suits(self, sex: str, age: int) -> bool:
        """Tell whether this is done to people of that sex and age."""
        return age in self.ages and self.sex in {"", sex}


FLAT_CONTRIBUTION = Act("NGAP", "PFC", "Participation forfaitaire", 1951)
FLAT_CONTRIBUTION_CENTS = 200
"""What an adult leaves on each consultation, X-ray or analysis (2 euros since May 2024)."""

_PROFESSIONALS = {"SM54": 40, "21": 25, "60": 20, "70": 15, "40": 15}
_RARER = 4
_OLDEST = 130
_CHILD, _OLD = 16, 65
_FIRMS = {
    "21": ("PHARMACIE DU MARCHÉ", "PHARMACIE DE LA GARE", "PHARMACIE CENTRALE", "PHARMACIE DES HALLES"),
    "SM03": ("LABORATOIRE DU PARC", "LABORATOIRE DES CARMES"),
    "SM44": ("CENTRE D'IMAGERIE MÉDICALE", "CABINET DE RADIOLOGIE"),
}


@cache
def catalogue() -> dict[str, tables.Weighted[Care]]:
    """Return what may be done, by kind of invoice."""
    found: dict[str, list[tuple[Care, float]]] = {}
    for row in tables.rows("care.csv"):
        act = Act(row["family"], row["code"], row["label"], int(row["nature"]))
        tariff = (int(row["unit"]), int(row["coefficient"]), int(row["rate"]))
        ages = range(int(row["first_age"] or 0), int(row["last_age"] or _OLDEST) + 1)
        care = Care(act, row["speciality"], *tariff, row["sex"], ages)
        found.setdefault(row["kind"], []).append((care, int(row["weight"])))
    return {kind: tables.Weighted(pairs) for kind, pairs in found.items()}


def invoice_kinds(age: int) -> tables.Weighted[str]:
    """Return what invoices are about at an age."""
    return _invoice_kinds()["child" if age < _CHILD else "adult" if age < _OLD else "old"]


@cache
def _invoice_kinds() -> dict[str, tables.Weighted[str]]:
    found = list(tables.rows("invoices.csv"))
    return {
        column: tables.Weighted((row["kind"], int(row[column])) for row in found)
        for column in ("child", "adult", "old")
    }


@cache
def professionals(department: str, speciality: str) -> tuple[Performer, ...]:
    """Return the professionals of one kind in a department: always the same, and none of them real."""
    rng = Random(f"professionals:{department}:{speciality}")
    return tuple(_performer(rng, department, speciality) for _ in range(_PROFESSIONALS.get(speciality, _RARER)))


def _performer(rng: Random, department: str, speciality: str) -> Performer:
    year = rng.randint(1960, 1995)
    sex = rng.choice("MF")
    origin = names.origin_of(rng, department, year)
    given = names.given_names(rng, year=year, sex=sex, origin=origin, born_in_france=True)[0]
    firms = _FIRMS.get(speciality)
    name = rng.choice(firms) if firms else f"{names.family_name(rng, origin)} {given}"
    return Performer(f"8{_rpps(rng)}", name, speciality, _finess(rng, department))


def _rpps(rng: Random) -> str:
    """Return a RPPS in the range that ANS keeps for tests (997…)."""
    digits = f"997{rng.randrange(10**7):07d}"
    return digits + luhn_digit(digits)


def _finess(rng: Random, department: str) -> str:
    """Return a FINESS of the department, in a range that no register uses (99…)."""
    digits = f"{department[:2]}99{rng.randrange(10**4):04d}"
    return digits + luhn_digit(digits.translate(str.maketrans("AB", "12")))
