"""Whom an event is about."""

from shared.contracts.insurers import InsIdentifier
from shared.errors import RefusedError
from shared.identity import Ins, InsError, parse_ins


def identify(given: InsIdentifier, *, production: bool) -> Ins:
    """Return the checked INS of an event; a refusal keeps the code of `shared.identity` and names the field (F19)."""
    try:
        return parse_ins(given.value, given.oid, production=production)
    except InsError as error:
        raise RefusedError(error.code, "data.ins") from None
