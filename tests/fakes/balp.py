"""What FHIR R4 demands of an AuditEvent, and BALP's profiles of those that claim one, as far as our fields go.

Cardinalities and fixed codes as published (hl7.org/fhir/R4/auditevent, IHE ITI BALP 1.1), reckoned here apart from the
code that makes the resources.
"""

import re
from collections import Counter
from typing import Any

Json = dict[str, Any]

DCM = "http://dicom.nema.org/resources/ontology/DCM"
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

ELEMENTS = {
    *("resourceType", "id", "meta", "type", "subtype", "action", "period", "recorded", "outcome", "outcomeDesc"),
    *("agent", "source", "entity"),
}
AGENT = {"type", "role", "who", "name", "requestor", "network"}
ENTITY = {"what", "type", "role", "name", "description", "query"}

CLIENT_SERVER = {"Read": ("110152", "110153")}
"""Who is which part; the other way round for everything else."""

PROFILES = {
    "Read": ("read", "R", {"IRCP"}),
    "Query": ("search", "E", {"IRCP"}),
    "Create": ("create", "C", {"AUT", "INF", "CST"}),
    "Update": ("update", "U", {"AUT", "INF", "CST"}),
    "Delete": ("delete", "D", {"AUT", "INF", "CST"}),
}


def check(resource: Json) -> None:
    """Raise `AssertionError` where a resource is not as FHIR, or the profile that it claims, wants it."""
    assert resource["resourceType"] == "AuditEvent"
    assert set(resource) <= ELEMENTS
    assert ID.fullmatch(resource["id"])
    assert INSTANT.fullmatch(resource["recorded"])
    assert INSTANT.fullmatch(resource["period"]["start"])
    assert resource["action"] in {"C", "R", "U", "D", "E"}
    assert resource["outcome"] in {"0", "4", "8", "12"}
    _coding(resource["type"])
    for subtype in resource["subtype"]:
        _coding(subtype)
    assert resource["agent"]
    assert sum(agent["requestor"] is True for agent in resource["agent"]) <= 1
    for agent in resource["agent"]:
        assert set(agent) <= AGENT
        assert isinstance(agent["requestor"], bool)
        assert agent["who"]
    assert resource["source"]["observer"]
    for entity in resource["entity"]:
        assert set(entity) <= ENTITY
        assert not ("name" in entity and "query" in entity), "sev-1"
    _no_empty(resource)
    for profile in resource.get("meta", {}).get("profile", ()):
        _check_profile(resource, profile.rpartition(".")[2])


def _check_profile(resource: Json, name: str) -> None:
    base = name.removeprefix("Patient")
    code, action, users = PROFILES[base]
    assert resource["type"]["code"] == "rest"
    assert code in {each["code"] for each in resource["subtype"]}
    assert (resource["action"], resource["outcome"]) == (action, "0")
    client, server = CLIENT_SERVER.get(base, ("110153", "110152"))
    parts = Counter(_code(agent) for agent in resource["agent"])
    assert parts[client] == parts[server] == 1
    assert sum(parts[each] for each in users) <= 1
    for agent in resource["agent"]:
        if _code(agent) in (client, server):
            assert agent["network"]
            assert agent["type"]["coding"][0]["system"] == DCM
        else:
            assert "network" not in agent
        if _code(agent) in users:
            assert agent["requestor"] is True
    kinds = Counter(entity["type"]["code"] for entity in resource["entity"])
    assert kinds["1"] == name.startswith("Patient")
    for entity in resource["entity"]:
        if entity["type"]["code"] == "1":
            assert entity["role"]["code"] == "1"
            assert entity["what"]["reference"].startswith("Patient/")
    objects = [entity for entity in resource["entity"] if entity["type"]["code"] == "2"]
    assert len(objects) == 1
    if base == "Query":
        assert objects[0]["role"]["code"] == "24"
        assert objects[0]["query"]
        assert "what" not in objects[0]
    else:
        assert objects[0]["role"]["code"] in {"3", "4", "20"}
        assert objects[0]["what"]


def _code(agent: Json) -> str | None:
    codings: list[dict[str, str]] = agent["type"].get("coding", [{}])
    return codings[0].get("code")


def _coding(coding: Json) -> None:
    assert set(coding) <= {"system", "code", "display"}
    assert coding["system"]
    assert coding["code"]


def _no_empty(value: Any) -> None:
    """FHIR knows no empty object, list or text."""
    assert value not in ({}, [], "", None)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _no_empty(inner)
