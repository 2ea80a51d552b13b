"""Who works in care: a professional as Pro Santé Connect describes one, and a structure's own software."""

import re
from dataclasses import dataclass
from typing import Final

from shared.identity.errors import ProfessionalIdError
from shared.identity.finess import parse_structure_id
from shared.identity.rpps import parse_professional_id

_RPPS: Final = "8"
_FINESS: Final = r"(?:[0-9]{2}|2[AB])[0-9]{7}"
_OTHERS: Final = re.compile(
    rf"0[0-9][0-9AB][0-9]{{7}}|1{_FINESS}|(?:3{_FINESS}|4[0-9]{{9}}|5[0-9]{{14}}|6[0-9]{{11}})(?:/[0-9A-Za-z]{{1,40}})?"
)
"""ADELI, FINESS, and the FINESS, SIREN, SIRET or practice (RPPS) of the work place with an internal number behind.

Each has its own length: an RPPS without its prefix would otherwise pass for the number of somebody else, and who is
blocked under it would not be.
"""


@dataclass(frozen=True, slots=True)
class Professional:
    """A professional whom the issuer vouches for, in the activity of the session."""

    national_id: str
    """The national id (idNat), prefix included: ``8`` + RPPS for most, e.g. ``899700366240``."""
    profession: str
    """The code of the profession, JDV_J65: ``10`` physician, ``21`` pharmacist, ``60`` nurse …"""
    speciality: str | None = None
    """The code of the know-how, e.g. ``SM26``; absent for most professions."""
    given_name: str = ""
    family_name: str = ""
    organisation_id: str | None = None
    """As the issuer names the place of work; not always a national id (``R95141``)."""
    organisation: str | None = None
    sector: str | None = None
    """The sector of activity, e.g. ``SA07``."""

    @property
    def name(self) -> str:
        """Given and family name, as a reader expects them."""
        return f"{self.given_name} {self.family_name}".strip()


@dataclass(frozen=True, slots=True)
class Structure:
    """A care structure whose software calls for itself."""

    national_id: str
    """The national id (idNat): ``1`` + FINESS."""
    name: str | None = None


def parse_national_id(id_nat: str, *, production: bool) -> str:
    """Return a professional's national id once its form is checked, and under prefix 8 its RPPS too (F22)."""
    if id_nat.startswith(_RPPS):
        return parse_professional_id(id_nat, production=production).id_nat
    if not _OTHERS.fullmatch(id_nat):
        raise ProfessionalIdError("idnat-format")
    return id_nat


def parse_structure(id_nat: str, name: str | None, *, production: bool) -> Structure:
    """Return the structure of a national id ``1`` + FINESS; raise `StructureIdError` for anything else."""
    return Structure(parse_structure_id(id_nat, production=production).id_nat, name)
