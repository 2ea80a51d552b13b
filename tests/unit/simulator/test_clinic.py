"""The clinics' documents: a real reader finds in them what was meant, the same ones each time, and nobody real."""

import base64
import hashlib
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import httpx
import pytest
from lxml import etree

from services.ingest.adapters.cda_reader import Limits, read_header
from services.ingest.domain.documents.entry import entry_of
from services.ingest.domain.documents.metadata import DocumentEntry
from shared import terminology
from shared.identity import parse_professional_id, parse_structure_id
from simulator.clinic import Answer, Clinics, Tally
from simulator.clinic_documents import KINDS, ClinicalDocument, documents
from simulator.population import people

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAMESPACE = {"h": "urn:hl7-org:v3"}


def written(seed: int = 1, count: int = 30, persons: int = 8) -> list[ClinicalDocument]:
    """Return some people's documents."""
    return [each for person in people(seed, persons) for each in documents(person, seed, count, until=NOW)]


def read(document: ClinicalDocument) -> DocumentEntry:
    """Read a document as ingest does, as strictly as in production but for the test number."""
    header = read_header(document.body, Limits())
    digest = hashlib.sha256(document.body).hexdigest()
    return entry_of(header, size=len(document.body), sha256=digest, terms=terminology, production=False)


def test_ingest_reads_what_was_meant():
    """Every document is about its person, of a type that the DMP knows, by an author whose numbers hold."""
    for document in written():
        entry = read(document)
        assert (entry.unique_id, entry.title) == (document.unique_id, document.title)
        assert (entry.patient.value, entry.patient.oid) == (document.person.ins, document.person.oid)
        assert entry.source_patient.birth_name == document.person.birth_name
        assert entry.creation_time == document.written
        assert entry.service_start < entry.creation_time < NOW
        assert entry.replaces == ((document.replaces,) if document.replaces else ())
        assert entry.practice_setting
        assert entry.facility_type
        assert terminology.practice_setting(entry.practice_setting.code, entry.practice_setting.system)
        assert terminology.facility_type(entry.facility_type.code, entry.facility_type.system)
        (author,) = entry.authors
        assert author.specialty
        assert terminology.author_specialty(author.specialty.code, author.specialty.system)
        assert author.identifier
        assert author.organization
        assert author.organization.identifier
        assert parse_professional_id(author.identifier.extension or "", production=True)
        assert parse_structure_id(author.organization.identifier.extension or "", production=True)


def test_a_person_gets_one_of_each_kind_first():
    """Six kinds, PDF in an envelope and sections with entries, whoever the person is."""
    person = next(people(4, 1))
    first = list(islice(documents(person, 1, 20, until=NOW), len(KINDS)))
    assert {document.kind for document in first} == {kind.name for kind in KINDS}
    assert len({read(document).type_code.code for document in first}) == 6
    wrapped = {document.kind for document in first if read(document).media_type == "application/pdf"}
    assert wrapped == {kind.name for kind in KINDS if kind.wrapped}
    for document in first:
        root = etree.fromstring(document.body)
        entries = root.findall(".//h:section/h:entry", NAMESPACE)
        assert bool(entries) is (document.kind not in wrapped), document.kind


def test_corrections():
    """A correction is the next version of an earlier document of its kind and person, and says so."""
    found = written(count=40)
    earlier = {document.unique_id: document for document in found}
    corrections = [document for document in found if document.replaces]
    assert len(corrections) > 5
    for document in corrections:
        replaced = earlier[str(document.replaces)]
        assert (replaced.person, replaced.kind, replaced.author) == (document.person, document.kind, document.author)
        assert replaced.written < document.written
        assert read(replaced).set_id == read(document).set_id
        assert read(replaced).version + 1 == read(document).version


def test_the_same_each_time():
    """The same seed gives the same bytes; another seed and another person give other ids, which tell no number."""
    assert written() == written()
    ids = Counter(document.unique_id for document in (*written(1), *written(2)))
    assert set(ids.values()) == {1}
    for document in written(count=6):
        assert document.person.ins not in document.unique_id


def test_pdf():
    """The file in an envelope is a PDF whose table of places is right."""
    document = next(document for document in written() if document.kind == "imaging")
    text = re.search(rb'representation="B64">([^<]+)<', document.body)
    assert text
    content = base64.b64decode(text[1])
    begin = int(content.split(b"startxref\n")[1].split(b"\n")[0])
    assert content[begin:].startswith(b"xref\n0 ")
    places = [int(line[:10]) for line in content[begin:].split(b"\n")[3:9]]
    assert all(content[place:].startswith(b"%d 0 obj" % number) for number, place in enumerate(places, 1))


class Door:
    """An ingest and an issuer that answer as a test wants."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.tokens: list[dict[str, Any]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        if request.url.path == "/token":
            self.tokens.append(httpx.Response(200, content=request.content).json())
            return httpx.Response(200, json={"access_token": "t"})
        self.requests.append(request)
        return self.answers.pop(0)


def taken(status: int, outcome: str) -> httpx.Response:
    """Return an answer to a deposit that was taken."""
    return httpx.Response(status, json={"document": "d", "status": outcome}, headers={"location": "/v1/deposits/d"})


async def deposited(door: Door, monkeypatch: pytest.MonkeyPatch) -> tuple[Answer, ClinicalDocument]:
    """Deposit a document and see it to its end, without waiting."""

    async def at_once(_seconds: float) -> None:
        return None

    monkeypatch.setattr("simulator.clinic.asyncio.sleep", at_once)
    (person,) = people(1, 1)
    document = next(documents(person, 1, 1, until=NOW))
    async with httpx.AsyncClient(transport=httpx.MockTransport(door)) as client:
        clinics = Clinics(client, "http://ingest", "http://issuer")
        answer = await clinics.outcome(document, await clinics.deposit(document, ["MASQUE_PS"]))
        tally = Tally()
        tally.note(document, answer)
    assert tally.outcomes == {answer.outcome: 1}
    return answer, document


async def test_a_deposit_is_seen_to_its_end(monkeypatch: pytest.MonkeyPatch):
    """Who is told to come back comes back; who is told that it is not known yet asks until it is."""
    busy = httpx.Response(503, json={"code": "unavailable"}, headers={"retry-after": "1"})
    door = Door(busy, taken(202, "received"), taken(200, "received"), taken(200, "stored"))
    answer, document = await deposited(door, monkeypatch)
    assert (answer.outcome, answer.document) == ("stored", "d")
    assert [request.method for request in door.requests] == ["POST", "POST", "GET", "GET"]
    assert door.requests[0].url.params.get_list("confidentiality") == ["MASQUE_PS"]
    assert door.requests[0].content == document.body
    (token,) = door.tokens
    assert (token["kind"], token["professional"]["national_id"]) == ("professional", document.author.number)


async def test_refusals_are_counted_by_their_code(monkeypatch: pytest.MonkeyPatch):
    """A refusal, at once or later, is known by its code."""
    refused = httpx.Response(404, json={"code": "record-unavailable"})
    assert (await deposited(Door(refused), monkeypatch))[0].outcome == "record-unavailable"
    late = httpx.Response(200, json={"status": "refused", "reason": "record-unavailable"})
    answer, _ = await deposited(Door(taken(202, "received"), late), monkeypatch)
    assert answer.outcome == "record-unavailable"


def test_authors_are_nobody():
    """Authors' numbers lie in the range that is kept for tests."""
    for document in written(count=6):
        assert document.author.number.startswith("8997")
        assert document.author.structure_number[3:5] == "99"
