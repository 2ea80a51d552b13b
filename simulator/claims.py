"""What an insurer settled for a person: invoices of one to four lines whose amounts always add up.

Most care is recent: records show the last 24 months.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b
from random import Random

from simulator import tables
from simulator.care import (
    FLAT_CONTRIBUTION,
    FLAT_CONTRIBUTION_CENTS,
    Care,
    Performer,
    catalogue,
    invoice_kinds,
    professionals,
)
from simulator.claim_line import ClaimLine, Identifier
from simulator.population import Person, age_on

LOCAL_REGIME = frozenset({"57", "67", "68"})
"""Alsace-Moselle, where a compulsory second insurance brings care to 90 % and more."""

_LOCAL_RATE = 90
_RECENT = (30, 715)
_OLD = (760, 1100)
_OLD_SHARE = 0.04
_REVERSED_SHARE = 0.012
_SUNDAY = 6
_SECRET_SHARE = 0.04
_SECRET_AGES = range(12, 18)
_EXCESSES = tables.Weighted([(0, 62), (500, 8), (1000, 10), (1850, 8), (2850, 8), (4000, 4)])
"""What specialists ask above the tariff, in cents."""
_LINES = tables.Weighted([(1, 35), (2, 30), (3, 20), (4, 15)])
_BOXES = tables.Weighted([(1, 70), (2, 20), (3, 10)])
_SEVERAL_LINES = {"pharmacy", "biology"}
_PRESCRIBED = {"pharmacy", "secret-drug", "vaccine", "biology", "imaging", "nurse", "physio", "device"}
_WITH_CONTRIBUTION = {"gp", "child", "specialist", "biology", "imaging"}


@dataclass(frozen=True, slots=True)
class _Cover:
    """How a person is insured, and the general practitioner that he or she chose."""

    person: Person
    gp: Performer
    long_illness: bool
    """ALD: care is paid back whole."""
    solidarity: bool
    """C2S: the second insurance pays the rest, nothing may be asked above the tariff."""


def claims(person: Person, seed: int, count: int, *, until: date) -> list[ClaimLine]:
    """Return ``count`` lines settled for a person by ``until``, most of them in the 24 months before.

    The same person, seed and day give the same lines; another day gives other ids.
    """
    rng = Random(f"claims:{seed}:{person.ins}:{until}")
    cover = _cover(rng, person, until)
    digest = blake2b(f"{seed}:{person.ins}:{until}".encode(), digest_size=8).hexdigest()
    lines: list[ClaimLine] = []
    invoice = 0
    while len(lines) < count:
        invoice += 1
        new = list(_invoice(rng, cover, f"{digest}.{invoice}", until))
        lines += new
        if rng.random() < _REVERSED_SHARE:
            lines.append(_reversal(rng, new[0], f"{digest}.{invoice}R", until))
    return lines[:count]


def share(cents: int, percent: int) -> int:
    """Return a percentage of a positive amount, half a cent rounded up."""
    return (cents * percent + 50) // 100


def _cover(rng: Random, person: Person, day: date) -> _Cover:
    age = age_on(person.birth_date, day)
    return _Cover(
        person=person,
        gp=rng.choice(professionals(person.department, "SM54")),
        long_illness=rng.random() < max(0.03, (age - 25) / 130),
        solidarity=rng.random() < 0.11,
    )


def _invoice(rng: Random, cover: _Cover, flux: str, until: date) -> Iterator[ClaimLine]:
    care_day = _care_day(rng, cover.person, until)
    age = age_on(cover.person.birth_date, care_day)
    secret = age in _SECRET_AGES and rng.random() < _SECRET_SHARE
    kind, chosen = _what(rng, cover.person.sex, age, secret=secret)
    performer = _performer(rng, cover, chosen[0].speciality)
    first = ClaimLine(
        flux=flux,
        line=1,
        ins=Identifier(cover.person.ins, cover.person.oid),
        holder_nir=cover.person.holder_nir,
        regime=cover.person.regime,
        caisse=cover.person.caisse,
        care_start=care_day,
        care_end=care_day,
        prescribed_on=_prescription_day(rng, cover.person, care_day) if kind in _PRESCRIBED else None,
        settled_on=min(care_day + timedelta(days=rng.randint(3, 20)), until),
        act=FLAT_CONTRIBUTION,
        quantity=1,
        coefficient_hundredths=100,
        performer=performer,
        prescriber=cover.gp if kind in _PRESCRIBED else None,
        paid=0,
        base=0,
        rate_percent=0,
        reimbursed=0,
        minor_secret=secret,
    )
    for line, care in enumerate(chosen, 1):
        yield _settled(rng, cover, replace(first, line=line), care, kind)
    if kind in _WITH_CONTRIBUTION and age >= 18 and not cover.solidarity:
        yield replace(first, line=len(chosen) + 1, contributions=-FLAT_CONTRIBUTION_CENTS)


def _settled(rng: Random, cover: _Cover, line: ClaimLine, care: Care, kind: str) -> ClaimLine:
    """Return a line with the act and its amounts."""
    quantity = _BOXES.draw(rng) if kind == "pharmacy" else 1
    base = quantity * share(care.unit, care.coefficient_hundredths)
    rate = 100 if cover.long_illness else care.rate_percent
    reimbursed = share(base, rate)
    excess = _EXCESSES.draw(rng) if kind == "specialist" and not cover.solidarity else 0
    return replace(
        line,
        act=care.act,
        quantity=quantity,
        coefficient_hundredths=care.coefficient_hundredths,
        base=base,
        rate_percent=rate,
        reimbursed=reimbursed,
        extra=_extra(cover, base, rate, reimbursed),
        excess=excess,
        paid=base + excess,
    )


def _extra(cover: _Cover, base: int, rate: int, reimbursed: int) -> int:
    if cover.solidarity:
        return base - reimbursed
    if cover.person.department in LOCAL_REGIME and cover.person.regime != "MGEN":
        return share(base, max(_LOCAL_RATE - rate, 0))
    return 0


def _reversal(rng: Random, line: ClaimLine, flux: str, until: date) -> ClaimLine:
    """Return the line that cancels another one: the same, with every amount turned (F46)."""
    return replace(
        line,
        flux=flux,
        line=1,
        settled_on=min(line.settled_on + timedelta(days=rng.randint(1, 30)), until),
        quantity=-line.quantity,
        paid=-line.paid,
        base=-line.base,
        reimbursed=-line.reimbursed,
        contributions=-line.contributions,
        extra=-line.extra,
        excess=-line.excess,
        reverses=line.id,
    )


def _care_day(rng: Random, person: Person, until: date) -> date:
    day = until - timedelta(days=rng.randint(*(_OLD if rng.random() < _OLD_SHARE else _RECENT)))
    return max(day - timedelta(days=day.weekday() == _SUNDAY), person.birth_date)


def _prescription_day(rng: Random, person: Person, care_day: date) -> date:
    return max(care_day - timedelta(days=rng.randint(0, 12)), person.birth_date)


def _what(rng: Random, sex: str, age: int, *, secret: bool) -> tuple[str, list[Care]]:
    """Return what an invoice is about and its one to four lines; a consultation when nothing drawn suits."""
    kind = _secret_kind(rng, sex) if secret else invoice_kinds(age).draw(rng)
    wanted = _LINES.draw(rng) if kind in _SEVERAL_LINES else 1
    drawn = (catalogue()[kind].draw(rng) for _ in range(wanted + 3))
    suitable = list(dict.fromkeys(care for care in drawn if care.suits(sex, age)))
    return (kind, suitable[:wanted]) if suitable else ("gp", [catalogue()["gp"].items[0]])


def _secret_kind(rng: Random, sex: str) -> str:
    return "secret-drug" if sex == "F" and rng.random() < 0.5 else "secret"


def _performer(rng: Random, cover: _Cover, speciality: str) -> Performer:
    if speciality == cover.gp.speciality and rng.random() < 0.85:
        return cover.gp
    return rng.choice(professionals(cover.person.department, speciality))
