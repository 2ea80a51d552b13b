"""Which profession may consult which type of document: the matrice d'habilitation, as data (order of 26 October 2023).

The published table gives 19 professions; here stand those of whom cells are known. A profession or a type that is not
here is not allowed (F50, F54). Whatever the person decides otherwise comes before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class AllBut:
    """Every type except these."""

    types: frozenset[str] = field(default=frozenset())

    def holds(self, type_code: str) -> bool:
        """Tell whether a type may be consulted."""
        return type_code not in self.types


@dataclass(frozen=True, slots=True)
class Only:
    """These types and no others."""

    types: frozenset[str]

    def holds(self, type_code: str) -> bool:
        """Tell whether a type may be consulted."""
        return type_code in self.types


_RESIDENCE: Final = frozenset({"ATTEST-RESID"})
_PSYCHIATRY: Final = frozenset({"68599-0", "83901-9"})
_DENTISTS: Final = AllBut(_RESIDENCE | _PSYCHIATRY | {"80788-3", "75496-0", "83981-1"})
_COORDINATION: Final = Only(frozenset({"11488-4", "11490-0", "83981-1", "18761-7", "74207-2", "34842-5"}))

READERS: Final[Mapping[str, AllBut | Only]] = {
    "10": AllBut(_RESIDENCE),  # physician
    "21": AllBut(_RESIDENCE | _PSYCHIATRY),  # pharmacist
    "60": AllBut(_RESIDENCE | _PSYCHIATRY),  # nurse
    "40": _DENTISTS,
    "50": _DENTISTS,  # midwife
    "70": _DENTISTS,  # physiotherapist
    "80": _DENTISTS,  # podiatrist
    "91": _DENTISTS,  # speech therapist
    "92": _DENTISTS,  # orthoptist
    "41": _COORDINATION,  # social worker
    "99": _COORDINATION,  # professional characterised by a role
}
"""By profession (JDV_J65)."""

REIMBURSEMENTS: Final = "REMB"
"""The type that reimbursement lines count as."""


def is_reader(profession: str | None) -> bool:
    """Tell whether a profession may consult anything at all."""
    return profession in READERS


def may_consult(profession: str | None, type_code: str) -> bool:
    """Tell whether a profession may consult documents of a type."""
    allowed = READERS.get(profession or "")
    return allowed is not None and allowed.holds(type_code)
