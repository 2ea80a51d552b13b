"""Synthetic people in the true proportions of France: where they live, how old they are, who insures them.

Nobody exists: every number is under the test OID. The same seed gives the same people, in the same order,
however many are asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from shared.identity.ins import TEST, key_of
from simulator import names, tables
from simulator.addresses import address

PILOT_DEPARTMENTS = ("44", "31", "80")
"""Where automatic opening was tried first, in 2021."""

TODAY = date(2026, 1, 1)
"""The day on which ages are counted: fixed, so that people do not change while time passes."""

DMP_CREATION_ENDED = date(2021, 7, 1)
_DMP_RELAUNCHED = date(2018, 11, 1)
_DMP_BEGAN = date(2016, 12, 1)
_LEGACY_SHARE = 0.17  # of those born in time: about 15 in 100 of everybody
_ADULT = 18
_ORDERS = 999
_REGIMES = tables.Weighted([("RG", 88), ("MSA", 5), ("MGEN", 7)])
"""Rough shares of the three regimes that opened first: the general one covers close to nine people in ten,
farmers 5 in 100; teachers' MGEN is rounded up so that small populations have some."""
_BIRTHPLACES = tables.Weighted([("here", 60), ("elsewhere", 27), ("abroad", 13)])
_MAIL_HOSTS = ("example.org", "example.net", "example.com")


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic insured person, as an insurer's file describes one."""

    ins: str = field(repr=False)
    oid: str
    birth_name: str
    used_name: str | None
    """The name of marriage, when the person uses one."""
    given_names: tuple[str, ...]
    birth_date: date
    sex: str
    birth_place: str
    """INSEE code of the commune, or 99 and the country."""
    address: tuple[str, ...]
    department: str
    email: str | None
    regime: str
    insurer: str
    """Code of the insurer that publishes this person: cpam-44, msa, mgen."""
    caisse: str
    holder_nir: str = field(repr=False)
    """Whose insurance pays: an adult's own number, a parent's for a child (the parent is nobody's here)."""
    dmp_created_on: date | None
    """Set for people whose DMP was made by hand before automatic opening (F03)."""


@dataclass(frozen=True, slots=True)
class _Birth:
    day: date
    month_known: bool
    sex: str
    place: str
    origin: str

    @property
    def in_france(self) -> bool:
        return not self.place.startswith("99")


def people(seed: int, count: int, departments: Sequence[str] | None = None) -> Iterator[Person]:
    """Yield ``count`` people of these departments (the three pilots if none is named), all different.

    ``departments`` may name any of the 101; people are spread by population.
    """
    known = tables.departments()
    homes = tables.Weighted((code, known[code]) for code in departments or PILOT_DEPARTMENTS)
    taken: set[str] = set()
    for index in range(count):
        rng = Random(f"person:{seed}:{index}")
        yield _person(rng, index, homes.draw(rng), taken)


def age_on(birth: date, day: date) -> int:
    """Return somebody's age in whole years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _person(rng: Random, index: int, department: str, taken: set[str]) -> Person:
    birth = _birth(rng, department)
    ins = _number(rng, birth, index, taken)
    age = age_on(birth.day, TODAY)
    family_name = names.family_name(rng, birth.origin)
    given = names.given_names(
        rng, year=birth.day.year, sex=birth.sex, origin=birth.origin, born_in_france=birth.in_france
    )
    regime = _REGIMES.draw(rng)
    return Person(
        ins=ins,
        oid=TEST,
        birth_name=family_name,
        used_name=_used_name(rng, birth, age, department),
        given_names=given,
        birth_date=birth.day,
        sex=birth.sex,
        birth_place=birth.place,
        address=address(rng, tables.communes()[department].draw(rng)),
        department=department,
        email=_email(rng, age, given[0] if age >= _ADULT else "famille", family_name),
        regime=regime,
        insurer=f"cpam-{department.lower()}" if regime == "RG" else regime.lower(),
        caisse=_caisse(regime, department),
        holder_nir=ins if age >= _ADULT else _parent(rng, birth),
        dmp_created_on=_legacy_dmp(rng, birth.day),
    )


def _birth(rng: Random, department: str) -> _Birth:
    band = tables.pyramid().draw(rng)
    age = rng.randint(band.first_age, band.last_age)
    day = TODAY.replace(year=TODAY.year - age) - timedelta(days=rng.randint(1, 365))
    where = _BIRTHPLACES.draw(rng)
    if where == "abroad" and (age >= _ADULT or rng.random() < 0.3):
        country = tables.countries().draw(rng)
        if rng.random() < 0.03:  # an unknown month is written 31 December (RNIV)
            return _Birth(date(day.year, 12, 31), False, band.sex, country.code, country.origin)
        return _Birth(day, True, band.sex, country.code, country.origin)
    born_in = tables.all_departments().draw(rng) if where == "elsewhere" else department
    commune = tables.communes()[born_in].draw(rng)
    return _Birth(day, True, band.sex, _place_then(commune.code, day), names.origin_of(rng, born_in, day.year))


def _place_then(code: str, day: date) -> str:
    """Return a commune's code at the time of a birth: Corsica was department 20 until 1976."""
    return "20" + code[2:] if code[:2] in {"2A", "2B"} and day.year < 1976 else code


def _number(rng: Random, birth: _Birth, index: int, taken: set[str]) -> str:
    month = birth.day.month if birth.month_known else rng.randint(20, 42)
    stem = f"{'1' if birth.sex == 'M' else '2'}{birth.day.year % 100:02d}{month:02d}{birth.place}"
    order = index % _ORDERS
    while (body := f"{stem}{order + 1:03d}") in taken:
        order = (order + 1) % _ORDERS
    taken.add(body)
    return body + key_of(body)


def _parent(rng: Random, child: _Birth) -> str:
    year = child.day.year - rng.randint(21, 42)
    place = child.place if child.in_france and child.place[:2] not in {"2A", "2B"} else "75112"
    body = f"{rng.choice('12')}{year % 100:02d}{rng.randint(1, 12):02d}{place}{rng.randint(1, _ORDERS):03d}"
    return body + key_of(body)


def _used_name(rng: Random, birth: _Birth, age: int, department: str) -> str | None:
    married = birth.sex == "F" and rng.random() < min(max(age - 24, 0) / 50, 0.75)
    return names.family_name(rng, names.origin_of(rng, department, birth.day.year)) if married else None


def _email(rng: Random, age: int, given: str, family_name: str) -> str | None:
    """Return an address under a reserved domain; three people in four have one (pilot mailing of 2021)."""
    if rng.random() >= (0.45 if age >= 80 else 0.79):
        return None
    local = ".".join(names.plain(part).replace(" ", "-").lower() for part in (given, family_name))
    return f"{local}{rng.randint(1, 99)}@{rng.choice(_MAIL_HOSTS)}"


def _caisse(regime: str, department: str) -> str:
    """Return a paying body's number: regime (01, 02, 91), then a fund numbered after the department."""
    number = {"2A": "201", "2B": "202"}.get(department, f"{department}1")
    return {"RG": f"01{number}", "MSA": f"02{number}", "MGEN": "91001"}[regime]


def _legacy_dmp(rng: Random, born: date) -> date | None:
    if born >= DMP_CREATION_ENDED - timedelta(days=30) or rng.random() >= _LEGACY_SHARE:
        return None
    began = _DMP_RELAUNCHED if rng.random() < 0.9 else _DMP_BEGAN
    first = max(began, born + timedelta(days=15))
    return first + timedelta(days=rng.randrange((DMP_CREATION_ENDED - first).days))
