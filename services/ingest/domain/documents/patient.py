"""Whom a document is about: exactly one person, by an INS."""

from collections.abc import Sequence
from typing import Final

from services.ingest.domain.documents.header import Header, Values
from services.ingest.domain.documents.metadata import Identifier, SourcePatient
from services.ingest.domain.documents.texts import identifiers, one, several
from services.ingest.domain.documents.times import day_of
from shared.errors import RefusedError
from shared.identity import Ins, parse_ins
from shared.identity.ins import LEGACY_OIDS, PRODUCTION_OIDS, TEST_OIDS

_SOCIAL_SECURITY: Final = frozenset({"1.2.250.1.213.1.4.13", "1.2.250.1.213.1.4.14"})
"""The same digits as an INS, declared as the number of an insured person: no identity, and nobody's patient number."""


def patient_of(header: Header, *, production: bool) -> tuple[Ins, SourcePatient]:
    """Return the person by INS, and as the sender describes them.

    One record target with one INS: a document about several people would be shown to each of them.
    """
    targets = header.parts.get("patient", ())
    if len(targets) > 1:
        raise RefusedError("patient-several", "patient")
    if not targets:
        raise RefusedError("patient-missing", "patient")
    ids = identifiers(header.parts.get("patient_id", ()), "patient.id")
    return _ins(ids, production=production), _source(targets[0], ids)


def _ins(ids: Sequence[Identifier], *, production: bool) -> Ins:
    """A calculated identifier (INS-C) beside an INS is ignored; alone it is refused by its own name."""
    current = [one for one in ids if one.root in PRODUCTION_OIDS | TEST_OIDS]
    legacy = [one for one in ids if one.root in LEGACY_OIDS]
    found = {parse_ins(one.extension or "", one.root, production=production) for one in current or legacy}
    if not found:
        raise RefusedError("patient-missing", "patient.id")
    if len(found) > 1:
        raise RefusedError("patient-several", "patient.id")
    return found.pop()


def _source(target: Values, ids: Sequence[Identifier]) -> SourcePatient:
    identities = PRODUCTION_OIDS | TEST_OIDS | LEGACY_OIDS | _SOCIAL_SECURITY
    birth = one(target, "birth_date", "patient.birth_date")
    return SourcePatient(
        identifier=next((own for own in ids if own.root not in identities), None),
        birth_name=one(target, "birth_name", "patient.birth_name"),
        given_names=" ".join(several(target, "given_names", "patient.given_names")) or None,
        birth_date=None if birth is None else day_of(birth, "patient.birth_date"),
        sex=one(target, "sex", "patient.sex"),
        birth_place=one(target, "birth_place", "patient.birth_place"),
    )
