"""A small clinical document of our own, and what tests change in it."""

import base64
from typing import Any

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
INS = "279035121518989"
TEST_OID = "1.2.250.1.213.1.4.10"

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_OPEN = '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
SECTIONS = "<structuredBody><component><section><text>Rien à signaler.</text></section></component></structuredBody>"

HEADER: dict[str, str] = {
    "template": '<templateId root="2.16.840.1.113883.2.8.2.1"/><templateId root="1.2.250.1.213.1.1.1.29"/>',
    "id": '<id root="1.2.250.1.999.1" extension="CR-7"/>',
    "type": '<code code="11490-0" codeSystem="2.16.840.1.113883.6.1" displayName="Lettre de liaison"/>',
    "title": "<title>Lettre de liaison\n   à la sortie</title>",
    "time": '<effectiveTime value="20261103101500+0100"/>',
    "confidentiality": '<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>',
    "language": '<languageCode code="fr-FR"/>',
    "version": '<setId root="1.2.250.1.999.2" extension="7"/><versionNumber value="2"/>',
    "patient": f"""<recordTarget><patientRole>
      <id root="{TEST_OID}" extension="{INS}"/><id root="1.2.250.1.999.3" extension="IPP 12"/>
      <telecom value="mailto:{INS}@patient.example"/>
      <patient><name><family qualifier="BR">EXEMPLE</family><given>ALIX CAMILLE</given>
          <given qualifier="BR">ALIX</given></name>
        <administrativeGenderCode code="F"/><birthTime value="19790328"/>
        <birthplace><place><addr><county>51215</county></addr></place></birthplace></patient>
    </patientRole></recordTarget>""",
    "author": """<author><time value="20261103101500+0100"/><assignedAuthor>
      <id root="1.2.250.1.71.4.2.1" extension="810000000005"/>
      <code code="G15_10/SM26" codeSystem="1.2.250.1.213.1.1.4.5"/>
      <assignedPerson><name><given>Maud</given><family>MODELE</family></name></assignedPerson>
      <representedOrganization><id root="1.2.250.1.71.4.2.2" extension="1750000006"/><name>Clinique du Pont</name>
      </representedOrganization></assignedAuthor></author>""",
    "custodian": """<custodian><assignedCustodian><representedCustodianOrganization>
      <id root="1.2.250.1.71.4.2.2" extension="1750000006"/><name>Clinique du Pont</name>
    </representedCustodianOrganization></assignedCustodian></custodian>""",
    "legal": """<legalAuthenticator><time value="20261103101500+0100"/><assignedEntity>
      <id root="1.2.250.1.71.4.2.1" extension="810000000005"/>
      <assignedPerson><name><given>Maud</given><family>MODELE</family></name></assignedPerson>
    </assignedEntity></legalAuthenticator>""",
    "service": """<documentationOf><serviceEvent>
      <code code="IMP" codeSystem="2.16.840.1.113883.5.4" displayName="Séjour"/>
      <effectiveTime><low value="202610281000+0100"/><high value="20261103"/></effectiveTime>
      <performer><assignedEntity><representedOrganization>
        <standardIndustryClassCode code="ETABLISSEMENT" codeSystem="1.2.250.1.213.1.1.4.9"/>
      </representedOrganization></assignedEntity></performer></serviceEvent></documentationOf>""",
    "replaces": "",
    "facility": """<componentOf><encompassingEncounter><location><healthCareFacility>
      <code code="SA01" codeSystem="1.2.250.1.71.4.2.4"/></healthCareFacility>
    </location></encompassingEncounter></componentOf>""",
    "body": SECTIONS,
}
"""The elements of a document by name, in CDA's order; a test replaces one by another text."""


def cda(*, head: str = _HEAD, **changes: str) -> bytes:
    """Return a document of level 3, or with other elements than the usual ones."""
    elements = {**HEADER, **changes}
    body = elements.pop("body")
    return "".join([head, _OPEN, *elements.values(), f"<component>{body}</component></ClinicalDocument>"]).encode()


def wrapped(content: bytes = PDF, media_type: str = "application/pdf", **changes: str) -> bytes:
    """Return a document of level 1: a file in base64."""
    return cda(body=unstructured(base64.b64encode(content).decode(), media_type), **changes)


def unstructured(text: str, media_type: str = "application/pdf", representation: str = "B64") -> str:
    """Return an unstructured body."""
    return f'<nonXMLBody><text mediaType="{media_type}" representation="{representation}">{text}</text></nonXMLBody>'


def replacing(*ids: str) -> str:
    """Return the element that says which documents are replaced."""
    targets = (f'<parentDocument><id root="{root}"/></parentDocument>' for root in ids)
    return "".join(f'<relatedDocument typeCode="RPLC">{target}</relatedDocument>' for target in targets)


def header_values(**changes: Any) -> tuple[dict[str, list[str]], dict[str, list[dict[str, list[str]]]]]:
    """Return the plain values of a usual header; ``x__y`` changes value ``y`` of the only part ``x``."""
    fields = {
        "type": ["11490-0"],
        "type_system": ["2.16.840.1.113883.6.1"],
        "template": ["2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.29"],
        "title": ["Lettre de liaison"],
        "creation_time": ["20261103101500+0100"],
        "confidentiality": ["N"],
        "language": ["fr-FR"],
        "version": ["2"],
    }
    parts: dict[str, list[dict[str, list[str]]]] = {
        "id": [{"root": ["1.2.250.1.999.1"], "extension": ["CR-7"]}],
        "patient": [{"birth_name": ["EXEMPLE"], "given_names": ["ALIX CAMILLE"], "birth_date": ["19790328"]}],
        "patient_id": [{"root": [TEST_OID], "extension": [INS]}],
        "author": [{"root": ["1.2.250.1.71.4.2.1"], "extension": ["810000000005"], "family": ["MODELE"]}],
        "legal_authenticator": [{"root": ["1.2.250.1.71.4.2.1"], "extension": ["810000000005"]}],
        "custodian": [{"organization": ["Clinique du Pont"]}],
        "service": [{"start": ["20261028100000+0100"]}],
    }
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        if inner:
            parts[part][0][inner] = value
        else:
            (parts if part in parts or part in {"event", "replaced", "set"} else fields)[part] = value
    return fields, parts
