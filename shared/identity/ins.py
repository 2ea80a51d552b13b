"""The INS, a person's national health identity number: its parts, its key, and which OID says what it is.

Sources: CNAM's own validator (form and key) and ANS (OIDs). A NIA is built like a NIR.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from shared.identity.errors import InsError

NIR: Final = "1.2.250.1.213.1.4.8"
NIA: Final = "1.2.250.1.213.1.4.9"
TEST: Final = "1.2.250.1.213.1.4.10"
DEMO: Final = "1.2.250.1.213.1.4.11"
INS_C: Final = "1.2.250.1.213.1.4.2"
INS_A: Final = "1.2.250.1.213.1.4.1"

PRODUCTION_OIDS: Final = frozenset({NIR, NIA})
TEST_OIDS: Final = frozenset({TEST, DEMO})
LEGACY_OIDS: Final = frozenset({INS_A, INS_C})
"""The calculated identifiers that the INS replaced. INS-C, found in documents before 2021, is the fifth
OID that a sender may really hold; INS-A was specified and never issued. Both are refused by name."""

# sex, year, month (20-99: month unknown), department, commune, order
_BODY = re.compile(r"[12][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])(?:[0-9]{2}|2[AB])[0-9]{3}[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Ins:
    """A checked INS: 13 characters and a key of two digits, under the OID that says its kind.

    ``key_valid`` is false only under a test or demonstration OID. The same number under two OIDs is
    two identities.
    """

    value: str = field(repr=False)
    oid: str
    key_valid: bool

    @property
    def body(self) -> str:
        """The number without its key."""
        return self.value[:13]

    @property
    def key(self) -> str:
        """The two digits that guard the number."""
        return self.value[13:]


def parse_ins(value: str, oid: str, *, production: bool) -> Ins:
    """Return the identity that ``value`` and ``oid`` name, in canonical form.

    Spaces are ignored, letters become capitals, a missing key is computed; nothing else is repaired.
    In production only NIR and NIA exist. A wrong key is refused under them, kept and flagged under the
    test OIDs (F19).
    """
    _check_oid(oid, production=production)
    body, key = _split(value)
    expected = key_of(body)
    key_valid = key in {"", expected}
    if not key_valid and oid in PRODUCTION_OIDS:
        raise InsError("ins-key")
    return Ins(value=body + (key or expected), oid=oid, key_valid=key_valid)


def key_of(body: str) -> str:
    """Return the key of a 13-character number: 97 - (n mod 97), 2A read as 19 and 2B as 18."""
    number = int(body.replace("2A", "19").replace("2B", "18"))  # a letter occurs nowhere else
    return f"{97 - number % 97:02d}"


def _check_oid(oid: str, *, production: bool) -> None:
    if oid in LEGACY_OIDS:
        raise InsError("ins-legacy-oid")
    if oid not in PRODUCTION_OIDS | TEST_OIDS:
        raise InsError("ins-oid")
    if production and oid in TEST_OIDS:
        raise InsError("ins-test-oid")


def _split(value: str) -> tuple[str, str]:
    if not value.isascii():  # before upper(): other scripts have digits and letters that look right
        raise InsError("ins-format")
    compact = value.replace(" ", "").upper()
    if len(compact) not in {13, 15}:
        raise InsError("ins-length")
    body, key = compact[:13], compact[13:]
    if not _BODY.fullmatch(body) or (key and not key.isdigit()):
        raise InsError("ins-format")
    return body, key
