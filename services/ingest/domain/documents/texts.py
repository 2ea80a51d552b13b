"""Takes texts out of a header's plain values: each present as often as it may be, and no longer than it may be."""

import re
from collections.abc import Sequence
from typing import Final

from services.ingest.domain.documents.header import LONGEST, MOST, Values
from services.ingest.domain.documents.metadata import Coded, Identifier, Organization
from shared.errors import RefusedError

_ROOT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,63}", re.ASCII)
"""An OID or a UUID; HL7 also lets registered names stand here."""
_EXTENSION: Final = re.compile(r"[^\^\s](?:[^\^\n\r\t]{0,126}[^\^\s])?")
"""Anything printable that XDS's ``root^extension`` leaves readable."""


def several(values: Values, name: str, place: str) -> Sequence[str]:
    """Return the texts under a name; empty ones do not count."""
    found = [text for text in values.get(name, ()) if text]
    if len(found) > MOST or any(len(text) > LONGEST for text in found):
        raise RefusedError("field-range", place)
    return found


def one(values: Values, name: str, place: str) -> str | None:
    """Return the only text under a name, or None; two would let two readers see two documents."""
    found = several(values, name, place)
    if len(found) > 1:
        raise RefusedError("field-format", place)
    return found[0] if found else None


def needed(values: Values, name: str, place: str) -> str:
    """Return the only text under a name; it must be there."""
    found = one(values, name, place)
    if found is None:
        raise RefusedError("field-missing", place)
    return found


def coded(values: Values, name: str, place: str) -> Coded | None:
    """Return a code and its system; a code without its system means nothing and is left out."""
    code, system = one(values, name, place), one(values, f"{name}_system", place)
    return None if code is None or system is None else Coded(code, system)


def identifier(values: Values, place: str, prefix: str = "") -> Identifier | None:
    """Return an instance identifier, or None where a null flavour stands instead."""
    root, extension = one(values, f"{prefix}root", place), one(values, f"{prefix}extension", place)
    if root is None:
        return None
    if not _ROOT.fullmatch(root) or not (extension is None or _EXTENSION.fullmatch(extension)):
        raise RefusedError("field-format", place)
    return Identifier(root, extension)


def identifiers(parts: Sequence[Values], place: str) -> Sequence[Identifier]:
    """Return the instance identifiers of repeated elements."""
    limited(parts, place)
    return [found for part in parts if (found := identifier(part, place)) is not None]


def organization(values: Values, place: str) -> Organization | None:
    """Return a structure, or None where nothing is said of one."""
    number, name = identifier(values, place, "organization_"), one(values, "organization", place)
    return None if number is None and name is None else Organization(number, name)


def limited(parts: Sequence[Values], place: str) -> Sequence[Values]:
    """Return repeated elements, unless they are too many."""
    if len(parts) > MOST:
        raise RefusedError("field-range", place)
    return parts
