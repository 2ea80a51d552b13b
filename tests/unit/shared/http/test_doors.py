"""What a caller of any door meets: the operator's lock, problem details, a limit, and silence about failures."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict

from shared.http.identity import Kind, Principal
from shared.http.jwks import KeySource
from shared.http.limits import BodyLimit
from shared.http.problems import Problem, install
from shared.http.server import quiet
from simulator.issuer import mint, new_key
from tests.fakes.gate import KnownKeys, SilentIssuer, gate_of

KEY = new_key()
INS = {"value": "255081416802538", "oid": "1.2.250.1.213.1.4.8"}
CANARY = "canary-1850675116001"


class Body(BaseModel):
    """What the door takes."""

    model_config = ConfigDict(extra="forbid")
    amount: int


def application(jwks: KeySource) -> FastAPI:
    """Return an application with one door of each sort."""
    app = FastAPI()
    install(app)
    app.add_middleware(BodyLimit, max_bytes=1000)
    gate = gate_of(jwks)
    read, destroy = gate.operator, gate.admits(Kind.OPERATOR, role="destroyer")

    @app.get("/ops/me")
    async def me(request: Request, who: Annotated[Principal, Depends(read)]) -> dict[str, Any]:
        return {"sub": who.sub, "roles": sorted(who.roles)}

    @app.delete("/ops/all")
    async def everything(who: Annotated[Principal, Depends(destroy)]) -> None: ...

    @app.post("/amounts/{name}")
    async def amounts(name: int, body: Body) -> None: ...

    @app.get("/refuses")
    async def refuses() -> None:
        raise Problem(409, "seal-broken", headers={"retry-after": "3"}, record="r1")

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError(CANARY)

    @app.get("/http")
    async def http() -> None:
        raise HTTPException(418, CANARY)

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the application as it is served."""
    transport = httpx.ASGITransport(quiet(application(KnownKeys(KEY))))
    async with httpx.AsyncClient(transport=transport, base_url="http://carnet.invalid") as client:
        yield client


def bearer(**options: Any) -> dict[str, str]:
    """Return the header of an operator, but for what the test changes."""
    token = mint(KEY, **{"kind": "operator", "sub": "op-1", "roles": ("reader",), **options})
    return {"authorization": f"Bearer {token}"}


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of an answer, once sure that it is a well-formed problem."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:carnet:problem:{body['code']}"
    assert body["title"]
    assert CANARY not in answer.text
    return answer.status_code, body["code"]


async def test_operator(client: httpx.AsyncClient):
    """An operator's token opens the operators' doors."""
    assert (await client.get("/ops/me", headers=bearer())).json() == {"sub": "op-1", "roles": ["reader"]}


async def test_no_token(client: httpx.AsyncClient):
    """Without a token, or with another scheme, the answer is 401 and names the scheme."""
    for headers in ({}, {"authorization": "Basic b3A6b3A="}, {"authorization": "Bearer"}):
        answer = await client.get("/ops/me", headers=headers)

        assert problem(answer) == (401, "token-missing")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_bad_token(client: httpx.AsyncClient):
    """A refused token is 401 with the rule's code."""
    expired = bearer(now=datetime(2020, 1, 1, tzinfo=UTC))

    answer = await client.get("/ops/me", headers=expired)

    assert problem(answer) == (401, "token-expired")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_two_tokens(client: httpx.AsyncClient):
    """28: two Authorization headers are refused, though each alone would pass."""
    headers = [*bearer().items(), *bearer().items()]

    assert problem(await client.get("/ops/me", headers=headers)) == (400, "authorization-repeated")


@pytest.mark.parametrize("kind", ["patient", "professional", "machine", "phone-agent"])
async def test_other_kinds(client: httpx.AsyncClient, kind: str):
    """A token of another kind, however many roles it grants, does not open the operators' doors."""
    claims = {"ins": INS, "structure": {"id": "1750712184"}}
    headers = bearer(kind=kind, roles=("operator", "reader"), claims=claims)

    assert problem(await client.get("/ops/me", headers=headers)) == (403, "other-kind")


async def test_role(client: httpx.AsyncClient):
    """25: a role comes from the token; a header that claims one is ignored."""
    claimed = {**bearer(), "x-roles": "destroyer", "x-user": "root"}

    assert problem(await client.delete("/ops/all", headers=claimed)) == (403, "role-missing")
    granted = bearer(roles=("destroyer",))
    assert (await client.delete("/ops/all", headers=granted)).status_code == 200


async def test_issuer_down():
    """26: without keys the answer is 503 with a time to come back: the caller's token may be good."""
    transport = httpx.ASGITransport(application(SilentIssuer()))
    async with httpx.AsyncClient(transport=transport, base_url="http://carnet.invalid") as client:
        answer = await client.get("/ops/me", headers=bearer())

    assert problem(answer) == (503, "issuer-unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_unknown_path(client: httpx.AsyncClient):
    """A path that does not exist is a problem that does not repeat it."""
    assert problem(await client.get(f"/{CANARY}")) == (404, "not-found")


async def test_other_method(client: httpx.AsyncClient):
    """40: a method that the door does not know is refused and the known ones are named, whatever a header asks."""
    answer = await client.put("/ops/me", headers={"x-http-method-override": "GET"})

    assert problem(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"amount": CANARY}, [{"at": "body/amount", "code": "int_parsing"}]),
        ({"amount": 1, CANARY: 1}, [{"at": "body", "code": "extra_forbidden"}]),
        ([CANARY], [{"at": "body", "code": "model_attributes_type"}]),
        ({}, [{"at": "body/amount", "code": "missing"}]),
    ],
)
async def test_invalid(client: httpx.AsyncClient, body: Any, errors: list[dict[str, str]]):
    """An invalid body is answered with the place and the rule, and neither a value nor an unknown field's name."""
    answer = await client.post("/amounts/1", json=body)

    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"] == errors


async def test_many_errors(client: httpx.AsyncClient):
    """The list of errors is bounded, whatever was sent."""
    answer = await client.post("/amounts/1", json={f"f{number}": 1 for number in range(100)})

    assert len(answer.json()["errors"]) == 20


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[" * 999, b'{"amount":NaN}', b"\xef\xbb\xbf{}"])
async def test_not_json(client: httpx.AsyncClient, body: bytes):
    """A body that is not JSON is a 4xx problem."""
    status, _ = problem(await client.post("/amounts/1", content=body, headers={"content-type": "application/json"}))

    assert status in {400, 422}


async def test_too_large(client: httpx.AsyncClient):
    """A body over the limit is refused, also when it does not announce its length."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    for content in (b" " * 1001, chunks()):
        answer = await client.post("/amounts/1", content=content)
        assert problem(answer) == (413, "too-large")


async def test_own_problem(client: httpx.AsyncClient):
    """A door's own refusal keeps its code, headers and members."""
    answer = await client.get("/refuses")

    assert problem(answer) == (409, "seal-broken")
    assert (answer.headers["retry-after"], answer.json()["record"]) == ("3", "r1")


async def test_http_exception(client: httpx.AsyncClient):
    """What a framework raises loses its text: it may hold what was sent."""
    assert problem(await client.get("/http")) == (418, "error")


async def test_failure(client: httpx.AsyncClient):
    """A failure is a 500 without its text, and the log gets its class and place, not its text."""
    with structlog.testing.capture_logs() as logs:
        assert problem(await client.get(f"/fails?q={CANARY}")) == (500, "internal")

    assert [line["event"] for line in logs] == ["request failed", "request"]
    assert logs[0]["error"] == "RuntimeError"
    assert logs[0]["place"].startswith("test_doors.py:")
    assert CANARY not in str(logs)


async def test_request_log(client: httpx.AsyncClient):
    """A request's line holds the pattern of its route, never its path nor its query."""
    with structlog.testing.capture_logs() as logs:
        await client.post("/amounts/1850675116001?ins=1850675116001", json={"amount": 1})
        await client.get(f"/{CANARY}")

    assert [(line["route"], line["status"]) for line in logs] == [("/amounts/{name}", 200), ("-", 404)]
    assert "1850675116001" not in str(logs)
