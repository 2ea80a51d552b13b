"""The doors of deposits: what a bad request gets, and what everybody gets while nothing can be taken."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Request
from pymongo.errors import AutoReconnect

from services.ingest.api import deposits as doors
from services.ingest.api.bodies import Intray
from services.ingest.api.deposits import Counter, deposit_doors
from services.ingest.ports import ReaderLostError
from shared.http.problems import Problem
from shared.messaging.gathering import OverloadedError
from tests.fakes.documents import HEADER, INS, cda, wrapped
from tests.fakes.ingest import OTHER_INS
from tests.unit.ingest.desk import BODY, CANARY, LARGEST, XML, Desk, caller

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
    desk.app.include_router(deposit_doors(counter, depositor=caller))

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

    monkeypatch.setattr("shared.http.even.asyncio.sleep", sleep)
    desk.app.router.routes.clear()
    counter = Counter(desk.ward.intake, desk.counter.intray, desk.commit, desk.counter.answers, desk, floor=30)
    desk.app.include_router(deposit_doors(counter, depositor=caller))
    assert (await desk.post(cda(patient=HEADER["patient"].replace(INS, OTHER_INS)))).status_code == 404
    assert 20 < max(slept) <= 30
