"""The header of a clinical document: who, about whom, when, what, instead of which."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from simulator.care import Act
from simulator.clinic_xml import CCAM, LOINC, coded, day, element, identifier, instant, said
from simulator.population import Person

PROFESSIONALS: Final = "1.2.250.1.71.4.2.1"
STRUCTURES: Final = "1.2.250.1.71.4.2.2"
_SPECIALTIES: Final = "1.2.250.1.213.1.1.4.5"
_FACILITIES: Final = "1.2.250.1.71.4.2.4"
_SETTINGS: Final = "1.2.250.1.213.1.1.4.9"
_GENERAL: Final = ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1")
"""Templates of every French document: HL7 France, CI-SIS."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: a professional at a place of work, none of them real."""

    number: str = field(repr=False)
    """The national id, ``8`` and an RPPS of the range for tests."""
    family: str
    given: str
    speciality: str
    """A code of the national registers, e.g. SM54."""
    structure_number: str
    """``1`` and a FINESS of a range that no register uses."""
    structure: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a document says of itself."""

    unique_id: str
    set_id: str
    version: int
    type: tuple[str, str]
    """LOINC code and label."""
    template: str
    title: str
    written: datetime
    person: Person
    author: Author
    facility: tuple[str, str]
    setting: tuple[str, str]
    begun: datetime
    ended: datetime | None = None
    acts: Sequence[Act] = ()
    replaces: str | None = None


def document(header: Header, body: str) -> bytes:
    """Return a whole document around a body."""
    parts = (
        element("realmCode", code="FR"),
        element("typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040"),
        *(element("templateId", root=root) for root in (*_GENERAL, header.template)),
        identifier(header.unique_id),
        coded(header.type[0], LOINC, header.type[1]),
        said("title", header.title),
        element("effectiveTime", value=instant(header.written)),
        coded("N", "2.16.840.1.113883.5.25", "Normal", "confidentialityCode"),
        element("languageCode", code="fr-FR"),
        element("setId", root=header.set_id),
        element("versionNumber", value=str(header.version)),
        _patient(header.person),
        element("author", element("time", value=instant(header.written)), _assigned("assignedAuthor", header.author)),
        _custodian(header.author),
        element(
            "legalAuthenticator",
            element("time", value=instant(header.written + timedelta(minutes=1))),
            element("signatureCode", code="S"),
            _assigned("assignedEntity", header.author),
        ),
        *_services(header),
        _replaced(header.replaces),
        _encounter(header),
        element("component", body),
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    names = {"xmlns": "urn:hl7-org:v3", "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"}
    return (head + element("ClinicalDocument", "\n", "\n".join(filter(None, parts)), "\n", **names)).encode()


def _patient(person: Person) -> str:
    gender = coded(person.sex, "2.16.840.1.113883.5.1", {"M": "Masculin", "F": "Féminin"}[person.sex])
    names = (
        *(said("given", given) for given in (" ".join(person.given_names),)),
        said("given", person.given_names[0], qualifier="BR"),
        said("family", person.birth_name, qualifier="BR"),
        said("family", person.used_name, qualifier="SP") if person.used_name else "",
    )
    place = element("place", element("addr", said("county", person.birth_place)))
    patient = element(
        "patient",
        element("name", *names),
        gender.replace("<code", "<administrativeGenderCode"),
        element("birthTime", value=day(person.birth_date)),
        element("birthplace", place),
    )
    address = element("addr", *(said("streetAddressLine", line) for line in person.address))
    role = element("patientRole", identifier(person.oid, person.ins), address, patient)
    return element("recordTarget", role)


def _assigned(name: str, author: Author) -> str:
    person = element("name", said("given", author.given), said("family", author.family))
    return element(
        name,
        identifier(PROFESSIONALS, author.number),
        coded(f"G15_10/{author.speciality}", _SPECIALTIES, "Médecin"),
        element("assignedPerson", person),
        _organization("representedOrganization", author),
    )


def _organization(name: str, author: Author) -> str:
    return element(name, identifier(STRUCTURES, author.structure_number), said("name", author.structure))


def _custodian(author: Author) -> str:
    return element("custodian", element("assignedCustodian", _organization("representedCustodianOrganization", author)))


def _services(header: Header) -> list[str]:
    """The main act carries the period and the setting; the others only their codes."""
    code, label = header.setting
    setting = coded(code, _SETTINGS, label, "standardIndustryClassCode")
    performer = element(
        "performer",
        element(
            "assignedEntity",
            identifier(PROFESSIONALS, header.author.number),
            element("representedOrganization", setting),
        ),
        typeCode="PRF",
    )
    period = element(
        "effectiveTime",
        element("low", value=instant(header.begun)),
        element("high", value=instant(header.ended)) if header.ended else "",
    )
    codes = [coded(act.code, CCAM, act.label) for act in header.acts if act.family == "CCAM"]
    first, *others = codes or [""]
    return [
        element("documentationOf", element("serviceEvent", first, period, performer)),
        *(element("documentationOf", element("serviceEvent", each)) for each in others),
    ]


def _replaced(unique_id: str | None) -> str:
    if unique_id is None:
        return ""
    return element("relatedDocument", element("parentDocument", identifier(unique_id)), typeCode="RPLC")


def _encounter(header: Header) -> str:
    facility = element("healthCareFacility", coded(header.facility[0], _FACILITIES, header.facility[1]))
    period = element("effectiveTime", element("low", value=instant(header.begun)))
    return element("componentOf", element("encompassingEncounter", period, element("location", facility)))
