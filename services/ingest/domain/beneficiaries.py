"""What makes a person's registration acceptable, and what must not change about a person.

The number is not compared with the traits. A NIR repeats the sex, month and place of birth as they were when it was
given; a corrected civil status changes the traits and not the number, and no source calls the difference an error.
"""

import hmac
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Final, Protocol

from services.ingest.domain.claims import check_holder
from services.ingest.domain.days import check_begun, check_order
from services.ingest.domain.insurers import Insurer, check_competent

QUALIFIED: Final = "QUALIFIED"


class Traits(Protocol):
    """The five strict traits of the national identity repository (RNIV)."""

    @property
    def birth_name(self) -> str:
        """Family name at birth."""

    @property
    def given_names(self) -> Sequence[str]:
        """All given names, in order."""

    @property
    def birth_date(self) -> date:
        """Day of birth."""

    @property
    def sex(self) -> str:
        """M or F."""

    @property
    def birth_place(self) -> str:
        """INSEE code of the place of birth."""


class Beneficiary(Protocol):
    """A registration, as these rules see it."""

    @property
    def identity_status(self) -> str:
        """How far the identity was verified."""

    @property
    def traits(self) -> Traits:
        """Who the person is."""

    @property
    def regime(self) -> str:
        """The insurance regime."""

    @property
    def caisse(self) -> str:
        """The fund."""

    @property
    def holder_nir(self) -> str:
        """Whose insurance covers the person."""

    @property
    def dmp_created_on(self) -> date | None:
        """When a DMP was made by hand, before automatic opening."""


def check_beneficiary(person: Beneficiary, insurer: Insurer, *, latest: date) -> None:
    """Refuse a registration that can never be right; ``latest`` is the last day that has begun."""
    check_competent(insurer, regime=person.regime, caisse=person.caisse)
    check_holder(person.holder_nir)
    check_begun(person.traits.birth_date, latest, "data.traits.birth_date")
    check_begun(person.dmp_created_on, latest, "data.dmp_created_on")
    if person.dmp_created_on is not None:
        check_order(person.traits.birth_date, person.dmp_created_on, "data.dmp_created_on")


def doubt_about(person: Beneficiary) -> str | None:
    """Return why a person has to look at a registration first, or None.

    Only a qualified identity may carry the INS in data that is exchanged (F20, RNIV).
    """
    return None if person.identity_status == QUALIFIED else "identity-not-qualified"


def traits_digest(key: bytes, traits: Traits) -> bytes:
    """Return a keyed hash of the five strict traits: equal for the same person, silent about who it is (F21).

    Case, accents and spacing do not count: INSi writes capitals without accents, insurers' files do not always.
    """
    parts = (
        traits.birth_name,
        " ".join(traits.given_names),
        traits.birth_date.isoformat(),
        traits.sex,
        traits.birth_place,
    )
    return hmac.digest(key, "\x1f".join(["traits", *map(_plain, parts)]).encode(), "sha256")


def _plain(text: str) -> str:
    """Capitals without accents, single spaces; no separator survives, since 0x1F counts as a space."""
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).upper().split())
