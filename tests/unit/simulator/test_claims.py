from collections import Counter
from dataclasses import asdict
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby

import pytest

from shared.contracts.insurers import ReimbursementV1Data
from shared.identity import parse_finess, parse_professional_id
from simulator.claims import claims, share
from simulator.population import age_on, people

UNTIL = date(2026, 11, 21)


@pytest.fixture(scope="module")
def lines():
    """Return the lines of enough people for rare cases to occur."""
    return [line for person in people(7, 600) for line in claims(person, 1, 12, until=UNTIL)]


@pytest.fixture(scope="module")
def alsatian_lines():
    """Return lines of people insured in Bas-Rhin."""
    crowd = [person for person in people(7, 150, ["67"]) if person.regime == "RG"]
    return [line for person in crowd for line in claims(person, 1, 10, until=UNTIL)]


def test_same_seed_same_lines():
    """The same person, seed and day give the same lines, and a longer list begins with the shorter one."""
    person = next(people(1, 1))

    assert claims(person, 1, 30, until=UNTIL)[:10] == claims(person, 1, 10, until=UNTIL)
    assert claims(person, 1, 10, until=UNTIL) != claims(person, 2, 10, until=UNTIL)


def test_another_day_gives_other_ids():
    """Lines drawn on another day never reuse the id of a line with another content."""
    person = next(people(1, 1))
    today = {line.id for line in claims(person, 1, 30, until=UNTIL)}
    tomorrow = {line.id for line in claims(person, 1, 30, until=UNTIL + timedelta(days=1))}

    assert not today & tomorrow


def test_ids_are_unique(lines):
    """No two lines share a flux and a number."""
    assert len({line.id for line in lines}) == len(lines)


def test_lines_fit_the_contract(lines, alsatian_lines):
    """A line as a dictionary is the payload that the contract accepts."""
    for line in (*lines[:1500], *alsatian_lines[:300]):
        ReimbursementV1Data.model_validate(asdict(line))


def test_amounts_add_up(lines, alsatian_lines):
    """Paid is base and excess, reimbursed is base times rate to half a cent, never more than the base (F45)."""
    for line in (*lines, *alsatian_lines):
        sign = -1 if line.reverses else 1
        assert line.paid == line.base + line.excess
        exact = Fraction(line.base * line.rate_percent, 100)
        assert abs(line.reimbursed - exact) <= Fraction(1, 2)
        assert 0 <= sign * (line.reimbursed + line.extra) <= sign * line.base
        assert sign * line.excess >= 0


@pytest.mark.parametrize(
    ("base", "rate", "reimbursed"), [(2500, 70, 1750), (2500, 100, 2500), (2500, 20, 500), (15, 70, 11), (0, 0, 0)]
)
def test_shares_round_half_up(base, rate, reimbursed):
    """The worked cases of the national health data documentation come out to the cent (F45)."""
    assert share(base, rate) == reimbursed


def test_alsace_moselle_has_a_second_cover(alsatian_lines):
    """Local insurance brings ordinary care to 90 % (F45)."""
    visits = [line for line in alsatian_lines if line.act.code == "G" and line.rate_percent == 70 and not line.reverses]

    assert {(line.reimbursed, line.extra) for line in visits} == {(2100, 600), (2100, 900)}  # 900: C2S


def test_flat_contributions_stand_apart(lines):
    """A flat contribution is its own line of nature 1951, two euros off, for adults only (F45)."""
    found = [line for line in lines if line.act.nature == 1951]

    assert found
    assert {(line.paid, line.base, line.reimbursed, line.contributions) for line in found} == {(0, 0, 0, -200)}
    assert all(line.contributions == 0 for line in lines if line.act.nature != 1951)


def test_invoices_are_short(lines):
    """An invoice has one to four lines of care, all of one day and one performer."""
    for _, group in groupby(lines, key=lambda line: line.flux):
        invoice = list(group)
        assert len([line for line in invoice if line.act.nature != 1951]) <= 4
        assert len({(line.care_start, line.performer) for line in invoice}) == 1


def test_most_care_is_of_the_last_24_months(lines):
    """Nearly all care is recent enough to be shown, a few lines are too old, none is in the future."""
    window = UNTIL.replace(year=UNTIL.year - 2)
    old = sum(line.care_start < window for line in lines) / len(lines)

    assert 0.01 < old < 0.08
    assert all(line.care_start <= line.settled_on <= UNTIL for line in lines)
    assert all(line.prescribed_on is None or line.prescribed_on <= line.care_start for line in lines)


def test_professionals_have_valid_numbers(lines):
    """Every performer, prescriber and structure passes its check digit (F22)."""
    for line in lines:
        for professional in filter(None, (line.performer, line.prescriber)):
            parse_professional_id(professional.id_nat, production=True)
            parse_finess(professional.finess, production=True)


def test_drugs_have_valid_codes(lines):
    """Every CIP13 has a right EAN-13 digit."""
    codes = {line.act.code for line in lines if line.act.family == "CIP13"}

    assert len(codes) > 8
    for code in codes:
        assert code.startswith("3400")
        assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code)) % 10 == 0


def test_families_are_varied(lines):
    """Consultations and drugs lead; analyses, technical acts and devices occur."""
    families = Counter(line.act.family for line in lines)

    assert {"NGAP", "CIP13", "NABM", "CCAM", "LPP"} == set(families)
    assert families["CIP13"] > families["NABM"] > families["LPP"]


def test_secret_care_is_minors_care():
    """Lines that a minor keeps from the parents occur, and only for minors (F37)."""
    marked = [
        (person, line)
        for person in people(7, 3000)
        if 12 <= age_on(person.birth_date, UNTIL) < 20
        for line in claims(person, 1, 10, until=UNTIL)
        if line.minor_secret
    ]

    assert marked
    assert all(12 <= age_on(person.birth_date, line.care_start) < 18 for person, line in marked)


def test_reversals_cancel_their_line(lines):
    """A reversal names a line of the same person and turns each of its amounts (F46)."""
    by_id = {line.id: line for line in lines}
    reversals = [line for line in lines if line.reverses]

    assert reversals
    for line in reversals:
        cancelled = by_id[line.reverses]
        assert (line.ins, line.act, line.performer) == (cancelled.ins, cancelled.act, cancelled.performer)
        assert line.settled_on >= cancelled.settled_on
        for name in ("quantity", "paid", "base", "reimbursed", "extra", "excess"):
            assert getattr(line, name) == -getattr(cancelled, name)
