"""What makes one settled line acceptable, all but its amounts and its person."""

import hmac
import re
from datetime import date
from functools import lru_cache
from typing import Final, Protocol

from services.ingest.domain.acts import Coded, check_code
from services.ingest.domain.amounts import Amounts, Nature, check_amounts
from services.ingest.domain.days import check_begun, check_order
from services.ingest.domain.insurers import Insurer, check_competent
from shared.errors import RefusedError
from shared.identity import parse_finess, parse_professional_id, parse_structure_id

_HOLDER: Final = re.compile(r"[1-8][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{6}(?:[0-9]{2})?")
"""A NIR, or a provisional number (first digit 5 to 8), with or without its key."""

_TARGET: Final = re.compile(r"[A-Za-z0-9._-]+/[1-9][0-9]*")


class Act(Coded, Nature, Protocol):
    """What was done or delivered."""


class Performer(Protocol):
    """A professional, and the structure where they work."""

    @property
    def id_nat(self) -> str:
        """National id: 8 and the RPPS, or 1 and the FINESS of a structure that performs in its own name."""

    @property
    def finess(self) -> str | None:
        """Number of the structure."""


class Line(Amounts, Protocol):
    """One settled line, as these rules see it."""

    @property
    def flux(self) -> str:
        """The insurer's own transmission."""

    @property
    def line(self) -> int:
        """The line's number in it."""

    @property
    def holder_nir(self) -> str:
        """Whose insurance pays; a child's care is paid under a parent's number."""

    @property
    def regime(self) -> str:
        """The insurance regime."""

    @property
    def caisse(self) -> str:
        """The fund."""

    @property
    def act(self) -> Act:
        """What was done or delivered."""

    @property
    def care_start(self) -> date:
        """First day of care."""

    @property
    def care_end(self) -> date:
        """Last day of care."""

    @property
    def prescribed_on(self) -> date | None:
        """Day of the prescription."""

    @property
    def settled_on(self) -> date:
        """Day on which the insurer settled."""

    @property
    def performer(self) -> Performer:
        """Who did it."""

    @property
    def prescriber(self) -> Performer | None:
        """Who ordered it."""


def check_line(event_id: str, line: Line, insurer: Insurer, *, latest: date, production: bool) -> None:
    """Refuse a line that breaks a rule; ``latest`` is the last day that has begun (F22, F45, F46)."""
    if event_id != f"{line.flux}/{line.line}":
        raise RefusedError("id-mismatch", "id")
    check_competent(insurer, regime=line.regime, caisse=line.caisse)
    check_holder(line.holder_nir)
    _check_days(line, latest)
    check_code(line.act)
    _check_performer(line.performer, "data.performer", production=production)
    if line.prescriber is not None:
        _check_performer(line.prescriber, "data.prescriber", production=production)
    _check_target(line.reverses, event_id)
    check_amounts(line)


def check_holder(number: str) -> None:
    """Refuse what cannot be the number of an insurance's holder; its key is the insurer's business."""
    if not _HOLDER.fullmatch(number):
        raise RefusedError("holder-nir-invalid", "data.holder_nir")


def line_id(key: bytes, source: str, event_id: str) -> str:
    """Return a line's opaque id: a keyed hash of its source and ``flux/line``, 32 hexadecimal digits.

    The same for the same line, so a reversal finds it; without the key nobody can tell which flux it came in.
    """
    return hmac.digest(key, f"line\x1f{source}\x1f{event_id}".encode(), "sha256").hex()[:32]


def _check_days(line: Line, latest: date) -> None:
    check_begun(line.settled_on, latest, "data.settled_on")
    check_order(line.care_start, line.care_end, "data.care_end")
    check_order(line.care_start, line.settled_on, "data.settled_on")
    check_order(line.prescribed_on, line.care_start, "data.prescribed_on")
    check_begun(line.care_end, latest, "data.care_end")


def _check_performer(performer: Performer, place: str, *, production: bool) -> None:
    if not _is_national_id(performer.id_nat, production=production):
        raise RefusedError("ps-id-invalid", f"{place}.id_nat")
    if performer.finess is not None and not _is_finess(performer.finess, production=production):
        raise RefusedError("ps-id-invalid", f"{place}.finess")


def _check_target(reverses: str | None, event_id: str) -> None:
    """The line to cancel is named as its own event was, and is another one (F46)."""
    if reverses is not None and (reverses == event_id or not _TARGET.fullmatch(reverses)):
        raise RefusedError("reversal-target", "data.reverses")


# The same professionals come back in every batch, and their check digits cost more than all other rules together.
@lru_cache(maxsize=8192)
def _is_national_id(id_nat: str, *, production: bool) -> bool:
    try:
        if id_nat.startswith("8"):
            parse_professional_id(id_nat, production=production)
        else:
            parse_structure_id(id_nat, production=production)
    except RefusedError:
        return False
    return True


@lru_cache(maxsize=8192)
def _is_finess(finess: str, *, production: bool) -> bool:
    try:
        parse_finess(finess, production=production)
    except RefusedError:
        return False
    return True
