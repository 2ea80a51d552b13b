"""The FINESS number of a care structure, alone or as a national structure id."""

import re
from dataclasses import dataclass
from typing import Final

from shared.identity.errors import StructureIdError
from shared.identity.luhn import luhn_valid

ID_NAT_OID: Final = "1.2.250.1.71.4.2.2"
_LENGTH = 9
_PREFIX = "1"
_FORM = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{7}")
# A Corsican number's letter counts as 1 or 2 (holds for the hospitals of Ajaccio and Bastia).
_CORSICA = str.maketrans("AB", "12")


@dataclass(frozen=True, slots=True)
class Finess:
    """A structure's number; ``luhn_valid`` is false only outside production."""

    value: str
    luhn_valid: bool

    @property
    def id_nat(self) -> str:
        """The national structure id: prefix 1, then the FINESS."""
        return _PREFIX + self.value


def parse_finess(value: str, *, production: bool) -> Finess:
    """Return the FINESS that nine characters name (F22); in production the Luhn digit must hold."""
    if len(value) != _LENGTH:
        raise StructureIdError("finess-length")
    if not _FORM.fullmatch(value):
        raise StructureIdError("finess-format")
    valid = luhn_valid(value.translate(_CORSICA))
    if production and not valid:
        raise StructureIdError("finess-luhn")
    return Finess(value, luhn_valid=valid)


def parse_structure_id(id_nat: str, *, production: bool) -> Finess:
    """Return the FINESS inside a national structure id ``1`` + FINESS; other kinds are refused."""
    if not id_nat.startswith(_PREFIX):
        raise StructureIdError("finess-prefix")
    return parse_finess(id_nat[1:], production=production)
