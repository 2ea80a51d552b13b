"""The arithmetic of a reimbursement line, in integer euro cents, half-up.

Amounts are those of ER_PRS_F in the national health data system (SNDS, "Les montants des soins de ville dans le
DCIR"). Two amounts agree when they differ by a cent at most: insurers round in their own order.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from shared.errors import RefusedError

TOLERANCE: Final = 1
"""Cents by which a computed and a settled amount may differ (F45)."""

DEDUCTIONS: Final[Mapping[int, str]] = {1951: "flat-rate contribution of the insured"}
"""Natures (PRS_NAT_REF) whose lines take money back, so that their amounts are negative."""

_MONEY: Final = ("paid", "base", "reimbursed", "supplements", "contributions", "extra", "excess")


class Nature(Protocol):
    """What a line settles, as far as the sign of its amounts goes."""

    @property
    def nature(self) -> int:
        """DCIR's PRS_NAT_REF."""


class Amounts(Protocol):
    """The amounts of one settled line; ``base`` is the whole base of the line, quantity included."""

    @property
    def act(self) -> Nature:
        """What was done."""

    @property
    def quantity(self) -> int:
        """How many times; negative in a reversal."""

    @property
    def paid(self) -> int:
        """What was charged (PRS_PAI_MNT)."""

    @property
    def base(self) -> int:
        """What the rate applies to (BSE_REM_BSE)."""

    @property
    def rate_percent(self) -> int:
        """The share of the base that the insurance bears (RGO_REM_TAU)."""

    @property
    def reimbursed(self) -> int:
        """What the rate gives (BSE_REM_MNT)."""

    @property
    def supplements(self) -> int:
        """Paid on top by the insurance (CPL_REM_MNT)."""

    @property
    def contributions(self) -> int:
        """Flat-rate contributions and franchises: negative, in lines of their own."""

    @property
    def extra(self) -> int:
        """Paid by another obligatory scheme: Alsace-Moselle, CMUc, AME (ARO_REM_MNT)."""

    @property
    def excess(self) -> int:
        """What was charged above the base."""

    @property
    def reverses(self) -> str | None:
        """The line that this one cancels."""


def half_up(numerator: int, denominator: int) -> int:
    """Return the quotient as a whole number, a half going away from zero (so a reversal is the exact opposite)."""
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


def reimbursement_of(base: int, rate_percent: int) -> int:
    """Return what a rate gives of a base."""
    return half_up(base * rate_percent, 100)


def lettered_base(coefficient_hundredths: int, letter_price: int, quantity: int) -> int:
    """Return the base of an act priced by a letter, as biology is: coefficient, price of the letter, quantity."""
    return half_up(coefficient_hundredths * letter_price * quantity, 100)


def remainder(line: Amounts) -> int:
    """Return what is left to the person or their complementary insurance (RAC after obligatory insurance)."""
    return line.paid - line.reimbursed - line.supplements - line.contributions - line.extra


def check_amounts(line: Amounts) -> None:
    """Refuse amounts that contradict one another or have the wrong sign (F45, F46).

    Amounts are positive, negative in a deduction, and the opposite of both in a reversal.
    """
    sign = 1 if line.reverses is None else -1
    if line.act.nature in DEDUCTIONS:
        _check_deduction(line, -sign)
    else:
        _check_signs(line, sign, "amount-negative" if sign > 0 else "amount-sign")
        _check_agreement(line, sign)


def _check_deduction(line: Amounts, sign: int) -> None:
    """A deduction's amount is set by decree: it follows from no base and no rate."""
    _check_signs(line, sign, "amount-sign", with_quantity=False)
    if not any(getattr(line, name) for name in _MONEY):
        raise RefusedError("amount-inconsistent", "data.contributions")


def _check_signs(line: Amounts, sign: int, code: str, *, with_quantity: bool = True) -> None:
    for name in _MONEY:
        if getattr(line, name) * sign < 0:
            raise RefusedError(code, f"data.{name}")
    if with_quantity and line.quantity * sign < 0:
        raise RefusedError(code, "data.quantity")


def _check_agreement(line: Amounts, sign: int) -> None:
    if abs(line.reimbursed - reimbursement_of(line.base, line.rate_percent)) > TOLERANCE:
        raise RefusedError("amount-inconsistent", "data.reimbursed")
    if abs(line.excess - (line.paid - line.base)) > TOLERANCE:
        raise RefusedError("amount-inconsistent", "data.excess")
    if (line.extra + line.reimbursed - line.base) * sign > TOLERANCE:
        raise RefusedError("amount-inconsistent", "data.extra")
