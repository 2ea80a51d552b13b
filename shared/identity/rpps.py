"""The RPPS number of a professional, alone or as the national id that invoices and documents carry."""

from dataclasses import dataclass
from typing import Final

from shared.identity.errors import ProfessionalIdError
from shared.identity.luhn import luhn_valid

ID_NAT_OID: Final = "1.2.250.1.71.4.2.1"
_LENGTH = 11
_PREFIX = "8"


@dataclass(frozen=True, slots=True)
class Rpps:
    """A professional's number; ``luhn_valid`` is false only outside production, where samples break it."""

    value: str
    luhn_valid: bool

    @property
    def id_nat(self) -> str:
        """The national id: prefix 8, then the RPPS."""
        return _PREFIX + self.value


def parse_rpps(value: str, *, production: bool) -> Rpps:
    """Return the RPPS that eleven digits name (F22); in production the Luhn digit must hold."""
    if len(value) != _LENGTH:
        raise ProfessionalIdError("rpps-length")
    if not (value.isascii() and value.isdigit()):
        raise ProfessionalIdError("rpps-format")
    valid = luhn_valid(value)
    if production and not valid:
        raise ProfessionalIdError("rpps-luhn")
    return Rpps(value, luhn_valid=valid)


def parse_professional_id(id_nat: str, *, production: bool) -> Rpps:
    """Return the RPPS inside a national id ``8`` + RPPS; the older kinds (ADELI, SIRET…) are refused."""
    if not id_nat.startswith(_PREFIX):
        raise ProfessionalIdError("rpps-prefix")
    return parse_rpps(id_nat[1:], production=production)
