"""The doors of deposits: what depositors get, what strangers get, and what a bad request gets."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pymongo.errors import AutoReconnect

from services.ingest.api import deposits as doors
from services.ingest.api.bodies import Intray
from services.ingest.api.deposits import Counter, deposit_doors
from services.ingest.domain.deposits import Deposit, DepositState, end
from services.ingest.handlers.answers import Answers
from services.ingest.ports import ReaderLostError
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.limits import BodyLimit
from shared.http.problems import Problem
from shared.messaging.coalescing import OverloadedError
from shared.messaging.unit import Unit
from tests.fakes.documents import HEADER, INS, cda, wrapped
from tests.fakes.ingest import NOON, OTHER_INS
from tests.unit.ingest.intake import CLINIC, MAUD, PAUL, Ward

LARGEST = 200_000
XML = {"content-type": "application/xml"}
CALLERS = {
    "maud": Principal("maud", Kind.PROFESSIONAL, frozenset(), professional=MAUD),
    "paul": Principal("paul", Kind.PROFESSIONAL, frozenset(), professional=PAUL),
    "clinic": Principal("clinic", Kind.MACHINE, frozenset(), structure=CLINIC),
    "nobody": Principal("nobody", Kind.MACHINE, frozenset()),
}
CANARY = "CANARI-79035"
BODY = cda(title=f"<title>{CANARY}</title>")


async def _caller(request: Request) -> Principal:
    name = request.headers.get("authorization", "").removeprefix("Bearer ")
    if name not in CALLERS:
        raise Problem(401, "token-missing")
    return CALLERS[name]


class Desk:
    """The doors of a ward, and records at the other end, answering or not."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        self.records: str | None = "stored"
        """What records makes of a document at once: ``stored``, a reason, or None for no answer."""
        self.fault: Exception | None = None
        self.sizes: list[int] = []
        intray = Intray(largest=LARGEST, together=3 * LARGEST, seconds=5)
        self.full = False
        answers = Answers(ward.deposits, every=0)
        self.counter = Counter(ward.intake, intray, self.commit, answers, self, patience=0.2, floor=0)
        self.app = FastAPI()
        self.app.add_middleware(BodyLimit, max_bytes=LARGEST)
        problems.install(self.app)
        self.app.include_router(deposit_doors(self.counter, depositor=_caller))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://ingest")

    async def commit(self, unit: Unit, size: int) -> None:
        """Commit, and let records answer."""
        if self.fault is not None:
            raise self.fault
        self.sizes.append(size)
        await self.ward.commit(unit)
        for event in self.ward.received:
            known = self.ward.deposits.rows[event.data.document_id]
            if self.records is not None and known.state is DepositState.RECEIVED:
                reason = None if self.records == "stored" else self.records
                self.ward.deposits.rows[known.document] = end(known, NOON + timedelta(seconds=1), reason)

    async def is_full(self) -> bool:
        """See `Backlog.is_full`."""
        return self.full

    async def post(
        self, body: Any = BODY, query: str = "", by: str = "maud", headers: Mapping[str, str] = XML
    ) -> httpx.Response:
        """Deposit a document."""
        lines = {"authorization": f"Bearer {by}", **headers}
        return await self.client.post(f"/v1/documents{query}", content=body, headers=lines)

    async def status(self, place: str, by: str = "maud") -> httpx.Response:
        """Ask what became of a deposit."""
        return await self.client.get(place, headers={"authorization": f"Bearer {by}"})

    @property
    def rows(self) -> list[Deposit]:
        """What was deposited."""
        return list(self.ward.deposits.rows.values())


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Give the doors of a ward where one person's record is open."""
    ward = Ward()
    await ward.person()
    made = Desk(ward)
    yield made
    await made.client.aclose()


async def test_stored(desk: Desk):
    """F25: 201 says that the document is in the record; the place to ask later is the depositor's own."""
    answer = await desk.post()
    assert answer.status_code == 201
    (row,) = desk.rows
    assert answer.headers["location"] == f"/v1/deposits/{row.document}"
    assert answer.json() == {
        "document": row.document,
        "status": "stored",
        "received_at": "2026-11-15T12:00:00Z",
        "ended_at": "2026-11-15T12:00:01Z",
    }
    assert desk.sizes == [len(BODY)]
    again = await desk.status(answer.headers["location"])
    assert (again.status_code, again.json()["status"]) == (200, "stored")
    assert again.headers["cache-control"] == "no-store"


async def test_the_same_again(desk: Desk):
    """F26: 79: the same document again is answered by its state: 200 when it is in the record."""
    first, again = await desk.post(), await desk.post(by="clinic")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(desk.rows) == 1


async def test_not_known_yet(desk: Desk):
    """Answers do not lie: while records is silent it is 202 and where to ask, and the same again is 202 too."""
    desk.records = None
    answer, again = await desk.post(), await desk.post()
    assert (answer.status_code, again.status_code) == (202, 202)
    assert answer.json() == again.json()
    assert answer.json()["status"] == "received"
    status = await desk.status(answer.headers["location"])
    assert status.json()["status"] == "received"
    (row,) = desk.rows
    desk.ward.deposits.rows[row.document] = end(row, NOON)
    assert (await desk.post()).status_code == 200


@pytest.mark.parametrize("preference", ["respond-async", "wait=10, Respond-Async;x=1", 'foo="a", respond-async'])
async def test_in_a_hurry(desk: Desk, preference: str):
    """RFC 7240: who prefers not to wait gets 202 as soon as the document is kept, whatever records does."""
    looks = desk.ward.deposits.looks
    desk.records = None
    answer = await desk.post(headers={**XML, "prefer": preference})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    assert desk.ward.deposits.looks == looks
    assert len(desk.rows) == 1


async def test_records_refuses(desk: Desk):
    """38: a record that was closed meanwhile is answered like one that never was, also later and in the status."""
    nobody = await desk.post(cda(patient=HEADER["patient"].replace(INS, OTHER_INS)))
    desk.records = "account-opposed"
    refused = await desk.post()
    assert (refused.status_code, refused.json()) == (404, nobody.json())
    (row,) = desk.rows
    assert row.reason == "account-opposed"
    status = await desk.status(f"/v1/deposits/{row.document}")
    assert (status.json()["status"], status.json()["reason"]) == ("refused", "record-unavailable")


async def test_no_record_and_an_unknown_ins_look_alike(desk: Desk):
    """11, 38: unknown, opposed, closed: the same status and the same bytes, and no row in any case."""
    unknown = await desk.post(cda(patient=HEADER["patient"].replace(INS, OTHER_INS)))
    await desk.ward.person(open_=False, version=4)
    closed = await desk.post()
    assert unknown.status_code == closed.status_code == 404
    assert unknown.content == closed.content
    assert unknown.headers.raw == closed.headers.raw
    assert not desk.rows


async def test_conflict(desk: Desk):
    """F26: 79: another document under a known id is a conflict."""
    await desk.post()
    answer = await desk.post(cda(title="<title>Autre</title>"))
    assert (answer.status_code, answer.json()["code"]) == (409, "document-conflict")
    hidden = await desk.post(query="?confidentiality=MASQUE_PS")
    assert (hidden.status_code, hidden.json()["code"]) == (409, "document-conflict")


async def test_somebody_elses_deposit(desk: Desk):
    """29: another's deposit is answered like one that never was, with the same bytes."""
    place = (await desk.post()).headers["location"]
    foreign, unknown = await desk.status(place, by="paul"), await desk.status(f"/v1/deposits/{'0' * 32}", by="paul")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    assert foreign.json()["code"] == "deposit-unavailable"
    for odd in ("/v1/deposits/%7B%22$ne%22:null%7D", f"/v1/deposits/{INS}", "/v1/deposits/a%00b"):
        assert (await desk.status(odd)).status_code == 404


async def test_hidings(desk: Desk):
    """F36: hidings are asked for by repeated parameters; what is none, or does not go together, is refused."""
    assert (
        await desk.post(query="?confidentiality=MASQUE_PS&confidentiality=INVISIBLE_REPRESENTANTS_LEGAUX")
    ).is_success
    both = await desk.post(query="?confidentiality=MASQUE_PS&confidentiality=INVISIBLE_PATIENT")
    assert (both.status_code, both.json()["code"]) == (422, "confidentiality-combination")
    odd = await desk.post(query=f"?confidentiality={CANARY}")
    assert (odd.status_code, odd.json()["code"], odd.json()["at"]) == (422, "field-range", "confidentiality")
    assert CANARY not in odd.text


REQUESTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no token": ({"by": "x"}, 401, "token-missing"),
    "a token for nobody": ({"by": "nobody"}, 403, "other-kind"),
    "45 another parameter": ({"query": "?confidentiality[$ne]=x"}, 400, "parameter-unknown"),
    "JSON": ({"headers": {"content-type": "application/json"}}, 415, "content-type"),
    "no content type": ({"headers": {}}, 415, "content-type"),
    "FHIR": ({"headers": {"content-type": "application/fhir+xml"}}, 415, "content-type"),
    "74 another character set": ({"headers": {"content-type": "text/xml; charset=utf-16"}}, 415, "content-type"),
    "74 UTF-7": ({"headers": {"content-type": "text/xml; charset=UTF-7"}}, 415, "content-type"),
    "E59 gzip": (
        {"body": gzip.compress(b"0" * 10_000_000), "headers": {**XML, "content-encoding": "gzip"}},
        415,
        "content-encoding",
    ),
    "E59 several codings": ({"headers": {**XML, "content-encoding": "identity, br"}}, 415, "content-encoding"),
    "58 UTF-16": ({"body": cda(head="").decode().encode("utf-16")}, 422, "xml-encoding"),
    "58 invalid UTF-8": ({"body": BODY.replace(b"CANARI", b"CANARI\xff")}, 422, "xml-encoding"),
    "nothing": ({"body": b""}, 422, "xml-malformed"),
    "51 deep JSON": ({"body": b"[" * 100_000}, 422, "xml-malformed"),
    "70 DOCTYPE": ({"body": cda(head=f"<!DOCTYPE {CANARY}>")}, 422, "xml-dtd"),
    "72 deep": ({"body": cda(title="<a>" * 300 + "</a>" * 300)}, 422, "xml-too-deep"),
    "76 no INS": ({"body": cda(patient="<recordTarget/>")}, 422, "patient-missing"),
    "77 two patients": ({"body": cda(patient=HEADER["patient"] * 2)}, 422, "patient-several"),
    "78 wrong file": ({"body": wrapped(b"<html>")}, 422, "format-refused"),
    "F27 unknown type": ({"body": cda(type=f'<code code="{CANARY}" codeSystem="1.2"/>')}, 422, "document-type-unknown"),
    "wrong key": ({"body": cda(patient=HEADER["patient"].replace("4.10", "4.8").replace("89", "88"))}, 422, "ins-key"),
    "two parameters of content": ({"body": f"<{CANARY}/>".encode()}, 422, "cda-root"),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_bad_request(desk: Desk, name: str):
    """A bad request is refused by its code, nothing of it comes back, nothing is written."""
    request, status, code = REQUESTS[name]
    answer = await desk.post(**request)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert CANARY not in answer.text
    assert INS not in answer.text
    assert not desk.rows
    assert not desk.ward.told


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x-none"])
async def test_packed_body(desk: Desk, coding: str):
    """E59: a packed body is refused before a byte of it is read.

    415 and not 413: every coding is refused, whatever the size, so that nothing ever unpacks a bomb to measure it.
    """
    read: list[int] = []
    answer = await desk.post(_slices(1_000_000, read), headers={**XML, "content-encoding": coding})
    assert (answer.status_code, answer.json()["code"]) == (415, "content-encoding")
    assert answer.headers["accept-encoding"] == "identity"
    assert not read


async def _slices(size: int, read: list[int]) -> AsyncIterator[bytes]:
    for _ in range(size // 1_000):
        read.append(1_000)
        yield b"x" * 1_000


@pytest.mark.parametrize("length", [{}, {"content-length": "9" * 30}, {"content-length": "10"}], ids=str)
async def test_too_large(desk: Desk, length: dict[str, str]):
    """52: a document above the limit is refused as soon as that is seen, whatever its length claims to be."""
    read: list[int] = []
    answer = await desk.post(_slices(50 * LARGEST, read), headers={**XML, **length})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert sum(read) <= LARGEST + 2_000
    assert not desk.rows


async def test_too_slow(desk: Desk):
    """61: a body that does not come is given up."""
    intray = Intray(largest=LARGEST, together=LARGEST, seconds=0)
    desk.app.router.routes.clear()
    counter = Counter(desk.ward.intake, intray, desk.commit, desk.counter.answers, desk, floor=0)
    desk.app.include_router(deposit_doors(counter, depositor=_caller))

    async def silence() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/documents",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer maud"), (b"content-type", b"text/xml")],
    }
    await desk.app(scope, silence, send)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_too_much_at_once():
    """API4: what does not fit beside the bodies under way is told to come back, and fits again once they are gone."""
    intray = Intray(largest=100, together=250, seconds=1)

    def request(length: str | None) -> Request:
        headers = [(b"content-type", b"text/xml")]
        headers += [(b"content-length", length.encode())] if length else []
        return Request({"type": "http", "headers": headers})

    with intray.room(request("100")), intray.room(request(None)):
        with pytest.raises(Problem, match="unavailable"), intray.room(request("51")):
            pass
        with intray.room(request("50")):
            pass
    with intray.room(request(None)), intray.room(request(None)), intray.room(request("50")):
        pass


@pytest.mark.parametrize("fault", [OverloadedError(), AutoReconnect(), TimeoutError()], ids=["full", "away", "slow"])
async def test_not_now(desk: Desk, fault: Exception):
    """While nothing can be kept, 503 says when to come back."""
    desk.fault = fault
    answer = await desk.post()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_broker_is_away(desk: Desk):
    """Rule 12: while messages have been waiting for a minute, nothing more is taken, and nothing of it is read."""
    desk.full = True
    read: list[int] = []
    answer = await desk.post(_slices(10_000, read))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert not read
    desk.full = False
    assert (await desk.post()).status_code == 201


async def test_a_lost_reader(desk: Desk):
    """A reader that ends by itself blames no document: it may come again."""
    desk.ward.reader.fault = ReaderLostError()
    assert (await desk.post()).status_code == 503


async def test_lost_races(desk: Desk):
    """Whoever loses a race decides again, and after too many is told to come back."""
    desk.ward.races = 2
    assert (await desk.post()).status_code == 201
    desk.ward.races = doors._TRIES
    assert (await desk.post(cda(id='<id root="1.2.9"/>'))).status_code == 503


async def test_refusals_take_their_time(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """11: a refusal leaves no sooner than the floor, so that a few milliseconds tell nothing."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("services.ingest.api.answers.asyncio.sleep", sleep)
    desk.app.router.routes.clear()
    counter = Counter(desk.ward.intake, desk.counter.intray, desk.commit, desk.counter.answers, desk, floor=30)
    desk.app.include_router(deposit_doors(counter, depositor=_caller))
    assert (await desk.post(cda(patient=HEADER["patient"].replace(INS, OTHER_INS)))).status_code == 404
    assert 20 < max(slept) <= 30
