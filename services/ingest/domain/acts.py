"""The form of an act's code in each nomenclature (F45)."""

import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from shared.errors import RefusedError

_NGAP: Final = re.compile(r"[A-Z]{1,5}[0-9]?")
_CCAM: Final = re.compile(r"[A-Z]{4}[0-9]{3}")
_CIP13: Final = re.compile(r"3400[0-9]{9}")
_SEVEN: Final = re.compile(r"[0-9]{7}")
_FOUR: Final = re.compile(r"[0-9]{4}")
_STAY: Final = re.compile(r"[0-9]{2,5}|[0-9]{2}[A-Z][0-9]{2}[A-Z0-9]?")


class Coded(Protocol):
    """An act by its nomenclature and code."""

    @property
    def family(self) -> str:
        """The nomenclature."""

    @property
    def code(self) -> str:
        """The act's code in it."""


def ean13_valid(digits: str) -> bool:
    """Tell whether the last of thirteen digits is the EAN check digit of the others: weights 1 and 3 in turn."""
    values = [int(digit) for digit in digits]
    return (sum(values[::2]) + 3 * sum(values[1::2])) % 10 == 0


FORMS: Final[Mapping[str, Callable[[str], object]]] = {
    "NGAP": _NGAP.fullmatch,  # key letters: G, FTR, C2
    "CCAM": _CCAM.fullmatch,  # HBMD053
    "CIP13": lambda code: _CIP13.fullmatch(code) and ean13_valid(code),  # a box of a medicine
    "UCD": _SEVEN.fullmatch,  # a unit of a medicine, in hospital
    "LPP": _SEVEN.fullmatch,  # a device
    "NABM": _FOUR.fullmatch,  # a laboratory examination
    "GHS": _STAY.fullmatch,  # a hospital stay: its tariff (GHS) or its group (GHM, 05M09T)
}
"""What tells whether a code has the form of its family."""


def check_code(act: Coded) -> None:
    """Refuse a code that its nomenclature cannot contain; whether it does contain it is not looked up."""
    if not FORMS[act.family](act.code):
        raise RefusedError("act-code-invalid", "data.act.code")
