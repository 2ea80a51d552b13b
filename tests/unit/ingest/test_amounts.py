"""The arithmetic of a reimbursement line (F45, F46)."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.amounts import check_amounts, half_up, lettered_base, reimbursement_of, remainder
from shared.errors import RefusedError


@dataclass(frozen=True)
class Act:
    """What a line settles."""

    nature: int = 1111


@dataclass(frozen=True)
class Line:
    """The amounts of a line."""

    paid: int
    base: int
    rate_percent: int
    reimbursed: int
    extra: int = 0
    excess: int = 0
    supplements: int = 0
    contributions: int = 0
    quantity: int = 1
    reverses: str | None = None
    act: Act = Act()


GP = Line(paid=2700, base=2500, rate_percent=70, reimbursed=1750, excess=200)
CMUC = Line(paid=2500, base=2500, rate_percent=70, reimbursed=1750, extra=750)
FORFAIT = Line(0, 0, 0, 0, contributions=-100, act=Act(1951))

WORKED = {
    "general practitioner": ([GP], 950),
    "long-term illness": ([Line(2500, 2500, 100, 2500)], 0),
    "CMUc": ([CMUC], 0),
    "Alsace-Moselle": ([Line(3000, 2500, 70, 1750, extra=500, excess=500)], 750),
    "night visit in three lines": (
        [Line(2500, 2500, 70, 1750), Line(1906, 1906, 70, 1334), Line(300, 300, 70, 210)],
        1412,
    ),
    "night visit in one line": ([Line(4706, 4706, 70, 3294)], 1412),
    "one-euro contribution": ([GP, FORFAIT], 1050),
}


@pytest.mark.parametrize(("lines", "left"), WORKED.values(), ids=WORKED)
def test_worked_cases(lines, left):
    """Every worked case of the national documentation is accepted and leaves the person what it says (F45)."""
    for line in lines:
        check_amounts(line)
    assert sum(map(remainder, lines)) == left


@pytest.mark.parametrize(
    "line",
    [
        Line(-100, -100, 100, -100, act=Act(1951)),
        Line(0, 0, 0, -100, act=Act(1951)),
        Line(0, 0, 0, 0, supplements=-100, act=Act(1951)),
        Line(0, 0, 0, 0, contributions=100, act=Act(1951), reverses="F/1"),
    ],
)
def test_deductions(line):
    """A flat-rate contribution is a negative line, whichever amount holds it, and its reversal a positive one (F45)."""
    check_amounts(line)


def test_biology():
    """A laboratory examination costs coefficient times price of its letter times quantity (F45)."""
    assert lettered_base(coefficient_hundredths=1500, letter_price=25, quantity=2) == 750
    assert reimbursement_of(750, 60) == 450


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (149, 100, 1), (150, 100, 2), (0, 7, 0)],
)
def test_half_up(numerator, denominator, expected):
    """Half a cent is rounded up, away from zero (F45)."""
    assert half_up(numerator, denominator) == expected


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (replace(GP, reimbursed=1752), "reimbursed"),
        (replace(GP, reimbursed=1748), "reimbursed"),
        (replace(GP, rate_percent=100), "reimbursed"),
        (replace(GP, excess=198), "excess"),
        (replace(GP, paid=2702), "excess"),
        (Line(0, 2500, 70, 1750), "excess"),
        (replace(CMUC, extra=752), "extra"),
        (Line(0, 0, 0, 0, act=Act(1951)), "contributions"),
    ],
)
def test_contradictions(line, field):
    """Amounts that contradict one another by more than a cent are refused, naming the one that is wrong (F45)."""
    with pytest.raises(RefusedError) as refusal:
        check_amounts(line)
    assert (refusal.value.code, refusal.value.field) == ("amount-inconsistent", f"data.{field}")


@pytest.mark.parametrize("line", [replace(GP, reimbursed=1751), replace(GP, excess=199), replace(CMUC, extra=751)])
def test_tolerance(line):
    """A cent of difference is an insurer's own rounding (F45)."""
    check_amounts(line)


NAMES = ["paid", "base", "reimbursed", "supplements", "contributions", "extra", "excess", "quantity"]


@pytest.mark.parametrize("name", NAMES)
def test_negative(name):
    """No amount and no quantity is negative outside a reversal or a deduction (F46)."""
    with pytest.raises(RefusedError) as refusal:
        check_amounts(_with(GP, name, -1))
    assert (refusal.value.code, refusal.value.field) == ("amount-negative", f"data.{name}")


def _with(line, name: Any, value):
    return replace(line, **{name: value})


def _opposite(line):
    signs: Any = {name: -getattr(line, name) for name in NAMES}
    return replace(line, reverses="F/1", **signs)


@pytest.mark.parametrize("name", NAMES)
def test_positive_in_reversal(name):
    """A reversal has the opposite signs, all of them (F46)."""
    with pytest.raises(RefusedError) as refusal:
        check_amounts(_with(_opposite(GP), name, 1))
    assert (refusal.value.code, refusal.value.field) == ("amount-sign", f"data.{name}")


def test_deduction_of_the_wrong_sign():
    """A deduction gives nothing, and its reversal takes nothing (F45, F46)."""
    for line in (replace(FORFAIT, contributions=100), replace(FORFAIT, reverses="F/1")):
        with pytest.raises(RefusedError, match=r"^amount-sign"):
            check_amounts(line)


cents = st.integers(0, 10**8)


@given(base=cents, above=cents, rate=st.integers(0, 100), covered=st.integers(0, 100))
def test_reversal_is_the_exact_opposite(base, above, rate, covered):
    """Whatever line is accepted, its exact opposite is accepted as a reversal and leaves nothing behind (F46)."""
    reimbursed = reimbursement_of(base, rate)
    line = Line(base + above, base, rate, reimbursed, extra=(base - reimbursed) * covered // 100, excess=above)
    check_amounts(line)
    check_amounts(_opposite(line))
    assert remainder(line) + remainder(_opposite(line)) == 0
    assert remainder(line) >= 0
