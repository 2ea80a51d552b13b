"""An entry as a FHIR R4 AuditEvent in the shape of IHE BALP (Basic Audit Log Patterns, 1.1).

A successful reading, query, creation, change or removal follows BALP's profile of that name, with Patient where a
record is known. A denial has the same shape and claims no profile, as BALP describes successes only. What a record
does by itself is no RESTful operation: it is told as a patient record event of DICOM.

What the log does not hold is not made up: the client's address, and the parameters of a query.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from services.audit.domain.shown import Access, State
from services.audit.domain.wording import ACTIONS, ActorType

Json: TypeAlias = dict[str, Any]

_PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

PROFESSIONAL_SYSTEM: Final = "urn:oid:1.2.250.1.71.4.2.1"
"""Of the national ids of professionals (idNat_PS)."""
STRUCTURE_SYSTEM: Final = "urn:oid:1.2.250.1.71.4.2.2"
"""Of the national ids of structures (idNat_Struct)."""
_PROFESSIONS: Final = "https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
_ACTION_SYSTEM: Final = "urn:carnet:action"

_SOURCE: Final = ("110153", "Source Role ID")
_DESTINATION: Final = ("110152", "Destination Role ID")


@dataclass(frozen=True, slots=True)
class _Interaction:
    """One of BALP's profiles: its name, FHIR's interaction, the action's letter, and who takes part as what."""

    profile: str
    code: str
    letter: str
    user: str = "AUT"
    reads: bool = False
    """A read's data flows from the server: client and server change their parts."""


_READ: Final = _Interaction("Read", "read", "R", user="IRCP", reads=True)
_QUERY: Final = _Interaction("Query", "search", "E", user="IRCP")
_CREATE: Final = _Interaction("Create", "create", "C")
_UPDATE: Final = _Interaction("Update", "update", "U")
_DELETE: Final = _Interaction("Delete", "delete", "D")

_INTERACTIONS: Final[Mapping[str, tuple[_Interaction, str]]] = {
    "record-searched": (_QUERY, "POST /v1/records/search"),
    "documents-listed": (_QUERY, "GET /v1/records/{record}/documents"),
    "reimbursements-listed": (_QUERY, "GET /v1/records/{record}/reimbursements"),
    "professionals-listed": (_QUERY, "GET /v1/records/{record}/professionals"),
    "accesses-listed": (_QUERY, "GET /v1/accesses"),
    "document-described": (_READ, "DocumentReference"),
    "document-read": (_READ, "DocumentReference"),
    "proof-read": (_READ, "justificatif d'opposition"),
    "access-proved": (_READ, "preuve d'un accès"),
    "document-deposited": (_CREATE, "DocumentReference"),
    "document-masked": (_UPDATE, "DocumentReference"),
    "document-unmasked": (_UPDATE, "DocumentReference"),
    "professional-authorised": (_UPDATE, "autorisation d'un professionnel"),
    "professional-blocked": (_UPDATE, "autorisation d'un professionnel"),
    "oversight-given": (_UPDATE, "autorisation d'un professionnel"),
    "oversight-withdrawn": (_UPDATE, "autorisation d'un professionnel"),
    "professional-withdrawn": (_DELETE, "autorisation d'un professionnel"),
}
"""By the action of a trace: the interaction, and the door of a query or the kind of what was read or changed."""


def audit_event(access: Access) -> Json:
    """Return the resource; its id is the entry's place in the log, for good."""
    interaction, about = _INTERACTIONS.get(access.action, (None, access.action))
    profile = _profile(access, interaction)
    return {
        "resourceType": "AuditEvent",
        "id": str(access.index),
        **({"meta": {"profile": [profile]}} if profile else {}),
        **_kind(access, interaction),
        "period": {"start": _instant(access.at)},
        "recorded": _instant(access.recorded_at),
        "outcome": "0" if access.permitted else "4",
        **({"outcomeDesc": access.rule} if access.rule and not access.permitted else {}),
        "agent": _agents(access, interaction),
        "source": {
            "site": "Carnet",
            "observer": {"display": access.service or "carnet"},
            "type": [_coding(f"{_TERMINOLOGY}security-source-type", "4", "Application Server")],
        },
        "entity": [*_patient(access), *_entities(access, interaction, about)],
    }


def _profile(access: Access, interaction: _Interaction | None) -> str | None:
    if interaction is None or not access.permitted or access.state is not State.SHOWN:
        return None
    return f"{_PROFILE}{'Patient' if access.record else ''}{interaction.profile}"


def _kind(access: Access, interaction: _Interaction | None) -> Json:
    told = _coding(_ACTION_SYSTEM, access.action, access.description)
    if interaction is None:
        return {"type": _coding(_DICOM, "110110", "Patient Record"), "subtype": [told], "action": "U"}
    code = interaction.code
    return {
        "type": _coding(f"{_TERMINOLOGY}audit-event-type", "rest", "Restful Operation"),
        "subtype": [_coding("http://hl7.org/fhir/restful-interaction", code, code), told],
        "action": interaction.letter,
    }


def _agents(access: Access, interaction: _Interaction | None) -> list[Json]:
    acts = interaction is None and access.who is not None
    server: Json = {"who": {"display": access.service or "carnet"}, "requestor": acts}
    if interaction is None:
        return [{"type": _concept(_DICOM, "110150", "Application"), **server}]
    client_part, server_part = (_DESTINATION, _SOURCE) if interaction.reads else (_SOURCE, _DESTINATION)
    client = {
        "type": _concept(_DICOM, *client_part),
        "who": {"display": access.software} if access.software else {"extension": [_unknown()]},
        "requestor": False,
        "network": {"extension": [_unknown()]},
    }
    server |= {"type": _concept(_DICOM, *server_part), "network": {"address": access.service or "carnet", "type": "1"}}
    return [client, server, *_people(access, interaction)]


def _people(access: Access, interaction: _Interaction) -> list[Json]:
    who = access.who
    if who is None:
        return []
    part = _concept(f"{_TERMINOLOGY}v3-ParticipationType", interaction.user, _PARTS[interaction.user])
    user: Json = {"type": part, "who": _who(access), "requestor": True}
    if who.name:
        user["name"] = who.name
    if who.profession:
        user["role"] = [_concept(_PROFESSIONS, who.profession)]
    if who.organisation is None or who.type is ActorType.HEALTHCARE_FACILITY:
        return [user]
    works_for = {"type": {"text": "organisation"}, "who": {"display": who.organisation}, "requestor": False}
    return [user, works_for]


_PARTS: Final[Mapping[str, str]] = {"IRCP": "information recipient", "AUT": "author (originator)"}


def _who(access: Access) -> Json:
    who = access.who
    assert who is not None  # noqa: S101 - asked before
    shown = {"display": who.name} if who.name else {}
    if who.number is not None:
        facility = who.type is ActorType.HEALTHCARE_FACILITY
        system = STRUCTURE_SYSTEM if facility else PROFESSIONAL_SYSTEM
        return {"identifier": {"system": system, "value": who.number}, **shown}
    if who.type is ActorType.PATIENT and not who.name and access.record:
        return {"reference": f"Patient/{access.record}"}
    return shown or {"extension": [_unknown()]}


def _patient(access: Access) -> list[Json]:
    if access.record is None:
        return []
    kind, role = f"{_TERMINOLOGY}audit-entity-type", f"{_TERMINOLOGY}object-role"
    return [
        {
            "what": {"reference": f"Patient/{access.record}"},
            "type": _coding(kind, "1", "Person"),
            "role": _coding(role, "1", "Patient"),
        }
    ]


def _entities(access: Access, interaction: _Interaction | None, about: str) -> list[Json]:
    """Return what was read or changed, or the door that a query went through; BALP wants one of either."""
    system_object = {"type": _coding(f"{_TERMINOLOGY}audit-entity-type", "2", "System Object")}
    if interaction is _QUERY:
        role = _coding(f"{_TERMINOLOGY}object-role", "24", "Query")
        return [{**system_object, "role": role, "query": b64encode(about.encode()).decode(), "description": about}]
    role = _coding(f"{_TERMINOLOGY}object-role", "4", "Domain Resource")
    named = [{"reference": f"DocumentReference/{name}"} for name in access.documents]
    if not named and interaction is None:
        return []
    return [{**system_object, "role": role, "what": what} for what in named or [{"display": about}]]


def _coding(system: str, code: str, display: str | None = None) -> Json:
    return {"system": system, "code": code, **({"display": display} if display else {})}


def _concept(system: str, code: str, display: str | None = None) -> Json:
    return {"coding": [_coding(system, code, display)]}


def _unknown() -> Json:
    return {"url": _ABSENT, "valueCode": "unknown"}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


assert set(_INTERACTIONS) == set(ACTIONS), "every action of a trace has its interaction"  # noqa: S101 - two tables
