"""What the gateway refuses before a service hears of it: bad input E60 to E65, sizes, rates, and silence about it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from time import monotonic

import pytest

from shared.http import problems
from tests.integration.deploy.gateways import MEGABYTE, Gateway, is_problem

pytestmark = pytest.mark.integration

NIR, CORSICAN = "255069900112223", "155062A001122"


@pytest.mark.parametrize(
    ("path", "size", "passes"),
    [
        ("/v1/documents", 8 * MEGABYTE, True),
        ("/v1/documents", 10 * MEGABYTE, False),
        ("/v1/documents/abc", 70_000, False),
        ("/v1/opposition", 60_000, True),
        ("/v1/opposition", 70_000, False),
        ("/v1/records/search", 70_000, False),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_the_size_of_its_route(
    running: Gateway, path: str, size: int, *, passes: bool, chunked: bool
) -> None:
    """A document may have 8 MB, any other body 64 kB, whether it says its length or not."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(size // 10_000):
            yield bytes(10_000)

    async with running.client(timeout=20) as client:
        answer = await client.post(path, content=parts() if chunked else bytes(size))
    if passes:
        assert answer.json()["bytes"] == size
    else:
        assert is_problem(answer, 413)


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 6\r\nContent-Length: 7",
        "Content-Length: 6, 6",
        "Content-Length: +6",
        "Transfer-Encoding : chunked",
        "Host: b\r\nContent-Length: 0",
    ],
)
async def test_no_request_is_smuggled(running: Gateway, framing: str) -> None:
    """Two readings of where a request ends are one too many: 400, and the connection is closed (E60)."""
    head = f"POST /v1/opposition HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n0\r\n\r\nG".encode()
    status, headers, body = await running.raw(head)
    assert (status, headers["connection"], json.loads(body)["code"]) == (400, "close", "bad-request")


async def test_two_authorizations_are_refused(running: Gateway) -> None:
    """A request that shows two tokens is not asked which one it means (E28)."""
    status, _, _ = await running.raw(
        b"GET /v1/records/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"
    )
    assert status == HTTPStatus.BAD_REQUEST


async def test_a_body_that_trickles_is_ended(running: Gateway) -> None:
    """A body that comes a byte a second is answered 408 when its time is over (E61)."""
    head = b"POST /v1/opposition HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n"
    status, _, body = await running.raw(head, *[b"x"] * 60, pause=1.0)
    assert (status, json.loads(body)["code"]) == (408, "request-timeout")


async def test_a_body_that_stalls_is_ended(running: Gateway) -> None:
    """A body that stops coming is answered 408 (E61)."""
    head = b"POST /v1/opposition HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\nxx"
    status, _, body = await running.raw(head)
    assert (status, json.loads(body)["code"]) == (408, "request-timeout")


async def test_a_header_that_trickles_is_ended(running: Gateway) -> None:
    """A header that comes a byte a second is given up after five seconds, whatever it says."""
    began = monotonic()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await running.raw(b"GET /v1/records/me HTTP/1.1\r\nHost: a\r\nx", *[b"x"] * 20, pause=1.0)
    assert monotonic() - began < 10


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"authorization": f"Bearer {'a' * 20_000}"}, id="one of 20 kB"),
        pytest.param({f"x-filler-{n}": "v" * 30 for n in range(500)}, id="500 of them"),
    ],
)
async def test_too_many_headers_are_refused(running: Gateway, headers: dict[str, str]) -> None:
    """A header of 20 kB, or 500 headers, are answered 431 (E62)."""
    async with running.client() as client:
        assert is_problem(await client.get("/v1/records/me", headers=headers), 431)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/records/%2e%2e%2fdocuments",
        "/v1/records/..%2fdocuments",
        "/v1/records/../documents",
        "/v1/records/./me",
        "/v1/records/.hidden",
        "/v1//records/me",
        "//v1/records/me",
        "/v1/records//me",
        "/v1/records/me/",
        "/v1/records;jsessionid=1/me",
        "/v1/records/me;jsessionid=1",
        "/v1/records/me%00",
        "/v1/records/me%3Fa",
        "/v1/%72ecords/me",
        "/v1/records/a\\b",
        "/v1/records/a%5cb",
        "/V1/records/me",
    ],
)
async def test_a_trick_in_the_path_is_no_route(running: Gateway, path: str) -> None:
    """A path that somebody may read in another way than its plain letters leads nowhere (E63)."""
    status, headers, body = await running.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (status, headers["content-type"]) == (404, problems.MEDIA_TYPE) or (status, "%00" in path) == (400, True)
    assert path.encode() not in body


@pytest.mark.parametrize("path", ["/../etc/passwd", "/%2e%2e%2fetc", "/v1/../../x"])
async def test_a_path_above_the_root_is_refused(running: Gateway, path: str) -> None:
    """A path that climbs above the root is not even a request (E63)."""
    status, headers, body = await running.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (status, headers["content-type"], json.loads(body)["code"]) == (400, problems.MEDIA_TYPE, "bad-request")


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/records/{NIR}",
        f"/v1/records/{NIR[:13]}/documents",
        f"/v1/records/search?ins={NIR}",
        "/v1/records/155062A001122",
    ],
)
async def test_an_ins_in_the_url_is_no_route(running: Gateway, path: str) -> None:
    """No URL has a person's number: such a path does not exist, and is written down nowhere (E64)."""
    async with running.client() as client:
        answer = await client.get(path)
        assert is_problem(answer, 404)
        assert (await client.get("/v1/records/me/professionals/899700366240")).status_code == HTTPStatus.OK


async def test_a_strange_accept_does_no_harm(running: Gateway) -> None:
    """An Accept header that makes no sense gets the default answer (E65)."""
    async with running.client() as client:
        answer = await client.get("/v1/records/me", headers={"accept": "*/*;q=NaN, text/\x7f"})
    assert answer.status_code in (HTTPStatus.OK, HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.BAD_REQUEST)


async def test_a_service_s_own_refusal_passes(running: Gateway) -> None:
    """What a service refuses is answered in its own words."""
    async with running.client() as client:
        answer = await client.get("/v1/records/unfit")
    assert (answer.status_code, answer.json()["code"]) == (422, "ins-key")


async def test_methods_that_serve_no_purpose_are_refused(running: Gateway) -> None:
    """TRACE would repeat what was sent: it is refused."""
    async with running.client() as client:
        assert is_problem(await client.request("TRACE", "/v1/records/me"), 405)


async def test_a_service_that_is_down_is_unavailable(standing: Callable[..., Gateway]) -> None:
    """Without the service behind it a path answers 503 and says when to come back."""
    alone = standing(records="127.0.0.1:9")
    async with alone.client() as client:
        answer = await client.get("/v1/records/me")
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("settings", "token", "path"),
    [
        ({"client_rate": "5"}, "Bearer {:040}", "/v1/records/me"),
        ({"token_rate": "5"}, "Bearer " + "a" * 40, "/v1/records/me"),
        ({"guess_rate": "5"}, "", "/v1/activation"),
    ],
    ids=["by address, whatever the tokens", "by token", "where codes could be guessed"],
)
async def test_who_asks_too_often_is_told(
    standing: Callable[..., Gateway], settings: dict[str, str], token: str, path: str
) -> None:
    """A client, a token or a guesser above the rate gets 429 with Retry-After, and others meanwhile do not."""
    strict = standing(**settings)
    async with strict.client() as client:
        answers = [await client.get(path, headers={"authorization": token.format(n)}) for n in range(30)]
        late = [answer for answer in answers if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS]
        assert len(late) >= 10
        assert is_problem(late[0], 429)
        assert late[0].headers["retry-after"] == "1"
        if "client_rate" not in settings:
            assert (await client.get("/v1/accesses", headers={"authorization": "Bearer other"})).is_success


async def test_nothing_of_a_request_is_written_down(running: Gateway) -> None:
    """No path, query, header or body is in anything the gateway writes, not even when it fails."""
    canary = "canary4711"
    async with running.client() as client:
        await client.get(f"/v1/records/{canary}?q={canary}", headers={"authorization": canary, "user-agent": canary})
        await client.get(f"/{canary}%2f?{canary}=1")
        await client.post(f"/v1/documents?{canary}", content=canary.encode() * 700_000)
        await client.request(canary.upper(), f"/v1/{canary}/x")
    await running.raw(f"GET /{canary} HTTP/1.1\r\nHost: a\r\nContent-Length: {canary}\r\n\r\n".encode())
    everything = b"".join(each.read_bytes() for each in running.home.rglob("*") if each.is_file())
    assert b'"event":"request"' in everything
    assert canary.encode() not in everything.lower()
    assert NIR.encode() not in everything
