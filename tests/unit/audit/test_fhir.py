"""The log in FHIR: AuditEvent in the shape of BALP, searched and paged, refused by OperationOutcome."""

from base64 import b64decode
from datetime import datetime
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from services.audit.domain.deeds import DEEDS
from shared.contracts.accesses import AccessTracedV1, Action, ActorV1
from shared.sealing import KeyClass
from tests.fakes.balp import check
from tests.unit.audit.registry import ALICE, BRUNO, Registry, ask, opened
from tests.unit.audit.test_traces_of_professionals import NURSE, oversee

DOOR = "/fhir/AuditEvent"


async def bundle(registry: Registry, query: str = "", name: str = "alice") -> dict[str, Any]:
    """Return a searchset whose form is right."""
    answer = await ask(registry, query, name, DOOR)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert (body["resourceType"], body["type"]) == ("Bundle", "searchset")
    for entry in body["entry"]:
        check(entry["resource"])
        assert entry["search"] == {"mode": "match"}
    return body


async def resources(registry: Registry, query: str = "", name: str = "alice") -> list[dict[str, Any]]:
    """Return what a search finds."""
    return [entry["resource"] for entry in (await bundle(registry, query, name))["entry"]]


async def refused(registry: Registry, query: str, name: str = "alice") -> tuple[int, str, str]:
    """Return the status, FHIR's kind of issue and the code of a refusal that repeats nothing."""
    answer = await ask(registry, query, name, DOOR)
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    assert answer.headers["content-type"] == "application/fhir+json"
    for value in [value for values in parse_qs(query.lstrip("?")).values() for value in values]:
        assert value not in answer.text
    (issue,) = body["issue"]
    return answer.status_code, issue["code"], issue["details"]["coding"][0]["code"]


async def test_a_read(registry: Registry):
    """A document that a professional read is a PatientRead: who, for whom, what, by which door, when."""
    document, record = uuid4().hex, await registry.record(ALICE)
    await registry.log_events(await registry.trace(ALICE, documents=[document], software="Logiciel 4"))

    (found,) = await resources(registry)

    assert found["meta"] == {
        "profile": ["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"]
    }
    assert (found["id"], found["action"], found["outcome"], found["recorded"]) == (
        "0",
        "R",
        "0",
        "2026-11-21T10:01:00.000Z",
    )
    client, server, user, organisation = found["agent"]
    assert (client["who"]["display"], server["who"]["display"]) == ("Logiciel 4", "records")
    assert user["who"] == {
        "identifier": {"system": "urn:oid:1.2.250.1.71.4.2.1", "value": "899700366240"},
        "display": "KIT DOC0036624",
    }
    assert organisation["who"] == {"display": "CABINET M DOC0036624"}
    assert [entity["what"]["reference"] for entity in found["entity"]] == [
        f"Patient/{record}",
        f"DocumentReference/{document}",
    ]


async def test_a_query(registry: Registry):
    """A list that was read is a PatientQuery; of its question the log holds the door only, and says no more."""
    await registry.log_events(await registry.trace(ALICE, "documents-listed"))

    (found,) = await resources(registry)

    (query,) = [entity for entity in found["entity"] if "query" in entity]
    assert b64decode(query["query"]) == b"GET /v1/records/{record}/documents"
    assert found["meta"]["profile"][0].endswith("PatientQuery")


@pytest.mark.parametrize("action", get_args(Action))
@pytest.mark.parametrize("outcome", ["permitted", "denied"])
async def test_every_action(registry: Registry, action: Action, outcome: Any):
    """Each action that a trace may name has the form of its profile; a denial has it too, and claims none."""
    await registry.log_events(await registry.trace(ALICE, action, outcome, documents=[uuid4().hex]))

    (found,) = await resources(registry)

    assert ("meta" in found) is (outcome == "permitted")
    assert found["outcome"] == ("0" if outcome == "permitted" else "4")
    assert found["subtype"][1]["code"] == action


async def test_what_a_record_does_by_itself(registry: Registry):
    """An opening is no RESTful operation: it has the form of FHIR and claims no profile."""
    await registry.log_events(opened(await registry.record(ALICE)))

    (found,) = await resources(registry)

    assert "meta" not in found
    assert (found["type"]["code"], found["agent"][0]["requestor"]) == ("110110", True)
    assert "account.opened.v1" in DEEDS


async def test_the_person(registry: Registry):
    """The person is a Patient reference, an agent a name, somebody else no number."""
    for actor in (
        ActorV1(kind="patient"),
        ActorV1(kind="phone-agent", number="agent-7"),
        ActorV1(kind="patient", number="somebody"),
    ):
        await registry.log_events(await registry.trace(ALICE, "documents-listed", actor=actor))

    other, agent, person = [found["agent"][2]["who"] for found in await resources(registry)]

    assert person == {"reference": f"Patient/{await registry.record(ALICE)}"}
    assert agent == {"display": "Assistance"}
    assert other == {"display": "Une autre personne"}


async def test_what_cannot_be_read(registry: Registry):
    """115: an entry whose key was destroyed is still an event; it claims no profile and names nobody."""
    await registry.read(ALICE)
    await registry.shared.destroy_keys(await registry.record(ALICE), [KeyClass.AUDIT])

    (found,) = await resources(registry)

    assert "meta" not in found
    assert [agent["requestor"] for agent in found["agent"]] == [False]


async def test_pages(registry: Registry):
    """A searchset leads on by a link that keeps the search and a cursor that is no place to count from."""
    await registry.read(ALICE, 5)
    first = await bundle(registry, "?_count=2&date=ge2026-11-21")
    found, links = first["entry"], {link["relation"]: link["url"] for link in first["link"]}

    while "next" in links:
        assert "date=ge2026-11-21" in links["next"]
        body = await bundle(registry, f"?{urlsplit(links['next']).query}")
        found, links = found + body["entry"], {link["relation"]: link["url"] for link in body["link"]}

    assert [entry["resource"]["id"] for entry in found] == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("dates", "found"),
    [
        ("date=2026-11-21", ["1", "0"]),
        ("date=2026-11", ["2", "1", "0"]),
        ("date=2026", ["2", "1", "0"]),
        ("date=ge2026-11-22", ["2"]),
        ("date=lt2026-11-22", ["1", "0"]),
        ("date=gt2026-11-21", ["2"]),
        ("date=le2026-11-21", ["1", "0"]),
        ("date=ge2026-11-21T10:02:00Z&date=lt2026-11-22", ["1"]),
        ("date=2026-11-21T11:01:00%2B01:00", ["0"]),
        ("date=gt2027", []),
    ],
)
async def test_dates(registry: Registry, dates: str, found: list[str]):
    """A search is bounded by when it was recorded: FHIR's prefixes, days in Paris."""
    await registry.read(ALICE, 2)
    registry.clock.instant = datetime.fromisoformat("2026-11-22T10:00:00+00:00")
    await registry.read(ALICE)

    assert [each["id"] for each in await resources(registry, f"?{dates}")] == found


async def test_by_agent(registry: Registry):
    """A patient asks what one professional did, by the national id, with its system or without."""
    await registry.read(ALICE)
    await registry.log_events(await registry.trace(ALICE, actor=NURSE))

    for agent in ("899700366257", "urn:oid:1.2.250.1.71.4.2.1%7C899700366257"):
        assert [each["id"] for each in await resources(registry, f"?agent={agent}")] == ["1"]
    assert await resources(registry, "?agent=899700366265") == []


async def test_a_professional(registry: Registry):
    """F59: a professional searches the own deeds; everybody's with a patient who lets him, and another's nowhere."""
    record = await registry.record(ALICE)
    await registry.read(ALICE)
    await registry.log_events(await registry.trace(ALICE, actor=NURSE))
    await registry.read(BRUNO)

    assert [each["id"] for each in await resources(registry, "", "doctor")] == ["2", "0"]
    assert [each["id"] for each in await resources(registry, f"?patient={record}", "doctor")] == ["0"]
    assert await refused(registry, "?agent=899700366257", "doctor") == (403, "forbidden", "agent-not-own")
    await oversee(registry, "attending")
    assert [each["id"] for each in await resources(registry, f"?patient=Patient/{record}", "doctor")] == ["1", "0"]
    query = f"?patient={record}&agent=899700366257"
    assert [each["id"] for each in await resources(registry, query, "doctor")] == ["1"]


async def test_another_patient(registry: Registry):
    """41: another's record is answered as none that is there, to a patient who names it; the attempt is traced."""
    await registry.read(BRUNO)
    for other in (await registry.record(BRUNO), "f" * 32):
        assert await refused(registry, f"?patient={other}") == (404, "not-found", "record-unavailable")

    traces = [event for event in registry.published if isinstance(event, AccessTracedV1)]
    assert {(each.subject, each.data.outcome, each.data.rule) for each in traces} == {(None, "denied", "not-holder")}
    assert len(await resources(registry, f"?patient={await registry.record(ALICE)}")) == 0


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?patient=255081416802538", 400, "record-invalid"),
        ("?patient=urn:oid:1.2.250.1.213.1.4.8%7C255081416802538", 400, "record-invalid"),
        ("?patient:identifier=255081416802538", 400, "parameter-unknown"),
        ("?patient=", 400, "record-invalid"),
        ("?agent=x%27--", 400, "agent-invalid"),
        ("?agent=urn:oid:9.9%7C899700366240", 400, "agent-invalid"),
        ("?agent=", 400, "agent-invalid"),
        ("?entity=1", 400, "parameter-unknown"),
        ("?_count=0", 400, "limit-invalid"),
        ("?_count=101", 400, "limit-invalid"),
        ("?_count=5&_count=6", 400, "parameter-unknown"),
        ("?_format=xml", 400, "format-unknown"),
        ("?_cursor=quelquechose", 400, "cursor-invalid"),
        ("?date=yesterday", 422, "date-invalid"),
        ("?date=2026-02-30", 422, "date-invalid"),
        ("?date=2026-13", 422, "date-invalid"),
        ("?date=ne2026", 422, "date-invalid"),
        ("?date=9999", 422, "date-invalid"),
        ("?date=0000", 422, "date-invalid"),
        ("?date=2026-11-21T25:00:00Z", 422, "date-invalid"),
        ("?date=2026-11-21T10:00:00", 422, "date-invalid"),
        ("?date=ge2026&date=le2026&date=gt2025", 400, "parameter-unknown"),
    ],
)
async def test_bad_input(registry: Registry, query: str, status: int, code: str):
    """45: what a search cannot mean is refused by an OperationOutcome with a stable code, which repeats none of it."""
    told = await refused(registry, query)

    assert (told[0], told[2]) == (status, code)
    assert not registry.published or status == 400


async def test_refusals_at_the_door(registry: Registry):
    """Whatever refuses under /fhir speaks FHIR: the gate, a path that is none, a method that is none."""
    assert await refused(registry, "", "machine") == (403, "forbidden", "other-kind")
    answer = await ask(registry, "", "alice", "/fhir/Nothing")
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")
