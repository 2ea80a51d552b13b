"""Where a CDA R2 header says what: the table of paths, and the plain values that a reader finds there.

The paths are those of the mapping CDA → XDS → FHIR of ANS (PDSm4DMP). ``h`` is ``urn:hl7-org:v3``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

NAMESPACE: Final = "urn:hl7-org:v3"
ROOT: Final = f"{{{NAMESPACE}}}ClinicalDocument"

Values: TypeAlias = Mapping[str, Sequence[str]]
"""The texts found at each path, in document order; none where the path leads nowhere."""

LONGEST: Final = 255
"""Characters of a text: what XDS allows a title; no identifier, code or name is longer."""
MOST: Final = 100
"""Occurrences of one element. A reader reports one more than each limit at most, so that the rules can refuse it."""


@dataclass(frozen=True, slots=True)
class Part:
    """An element that may occur several times, and what is read inside each."""

    path: str
    fields: Mapping[str, str]


FIELDS: Final[Mapping[str, str]] = {
    "type": "h:code/@code",
    "type_system": "h:code/@codeSystem",
    "type_label": "h:code/@displayName",
    "template": "h:templateId/@root",
    "title": "h:title",
    "creation_time": "h:effectiveTime/@value",
    "confidentiality": "h:confidentialityCode/@code",
    "language": "h:languageCode/@code",
    "version": "h:versionNumber/@value",
    "facility_type": "h:componentOf/h:encompassingEncounter/h:location/h:healthCareFacility/h:code/@code",
    "facility_type_system": "h:componentOf/h:encompassingEncounter/h:location/h:healthCareFacility/h:code/@codeSystem",
}
"""What a header says at most once; templates are many."""

_IDENTIFIER: Final = {"root": "@root", "extension": "@extension"}


def _organization(path: str) -> dict[str, str]:
    return {
        "organization_root": f"{path}/h:id[1]/@root",
        "organization_extension": f"{path}/h:id[1]/@extension",
        "organization": f"{path}/h:name[1]",
    }


def _party(path: str) -> dict[str, str]:
    """The paths of a person or a device who acts, below an author or a legal authenticator."""
    person = f"{path}/h:assignedPerson/h:name[1]"
    return {
        "root": f"{path}/h:id[1]/@root",
        "extension": f"{path}/h:id[1]/@extension",
        "specialty": f"{path}/h:code/@code",
        "specialty_system": f"{path}/h:code/@codeSystem",
        "family": f"{person}/h:family[1]",
        "given": f"{person}/h:given[1]",
        "device": f"{path}/h:assignedAuthoringDevice/h:softwareName",
        **_organization(f"{path}/h:representedOrganization"),
    }


_PATIENT: Final = "h:patientRole/h:patient"
_PERFORMER: Final = "h:performer/h:assignedEntity/h:representedOrganization/h:standardIndustryClassCode"

PARTS: Final[Mapping[str, Part]] = {
    "id": Part("h:id", _IDENTIFIER),
    "set": Part("h:setId", _IDENTIFIER),
    "patient": Part(
        "h:recordTarget",
        {
            "birth_name": f"{_PATIENT}/h:name[1]/h:family[@qualifier='BR']",
            "given_names": f"{_PATIENT}/h:name[1]/h:given[not(@qualifier)]",
            "sex": f"{_PATIENT}/h:administrativeGenderCode/@code",
            "birth_date": f"{_PATIENT}/h:birthTime/@value",
            "birth_place": f"{_PATIENT}/h:birthplace/h:place/h:addr/h:county",
        },
    ),
    "patient_id": Part("h:recordTarget/h:patientRole/h:id", _IDENTIFIER),
    "author": Part("h:author", _party("h:assignedAuthor")),
    "legal_authenticator": Part("h:legalAuthenticator", _party("h:assignedEntity")),
    "custodian": Part("h:custodian", _organization("h:assignedCustodian/h:representedCustodianOrganization")),
    "service": Part(
        "h:documentationOf/h:serviceEvent",
        {
            "start": "h:effectiveTime/h:low/@value",
            "stop": "h:effectiveTime/h:high/@value",
            "practice_setting": f"{_PERFORMER}/@code",
            "practice_setting_system": f"{_PERFORMER}/@codeSystem",
        },
    ),
    "event": Part(
        "h:documentationOf/h:serviceEvent/h:code",
        {"code": "@code", "system": "@codeSystem", "label": "@displayName"},
    ),
    "replaced": Part("h:relatedDocument[@typeCode='RPLC']/h:parentDocument/h:id", _IDENTIFIER),
}
"""What a header may say several times."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a reader found: plain values, nothing judged yet."""

    fields: Values
    parts: Mapping[str, Sequence[Values]] = field(repr=False)
    media_type: str | None
    """Of an unstructured body, checked; None when the body is structured."""
