"""The short way answers as the long way does, and leaves to the long way whatever is not simple."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Query, Request, Response
from fastapi.routing import APIRoute
from pymongo.errors import AutoReconnect

from shared.http import problems
from shared.http.limits import BodyLimit
from shared.http.problems import Problem
from shared.http.shortcut import Shortcut, simple


async def who(request: Request) -> str:
    """Return who asks; nobody is refused."""
    if "x-as" not in request.headers:
        raise Problem(401, "token-missing", headers={"www-authenticate": "Bearer"})
    return request.headers["x-as"]


async def caller(request: Request, name: Annotated[str, Depends(who)]) -> str:
    """Return the caller, by a dependency of a dependency."""
    return f"{name} at {request.url.path}"


Asking = Annotated[str, Depends(caller)]


def routed() -> APIRouter:
    """Return doors of every kind."""
    router = APIRouter(prefix="/v1")

    @router.get("/things/special")
    async def special(q: Annotated[str, Query()]) -> Response:
        return Response(f"special {q}")

    @router.api_route("/things/{thing}", methods=["GET", "HEAD"])
    async def thing(thing: str, request: Request, caller: Asking) -> Response:
        if thing == "bug":
            raise KeyError(thing)
        if thing == "away":
            raise AutoReconnect("host:27017: gone")
        if thing == "hidden":
            raise Problem(404, "thing-unavailable")
        return Response(f"{thing} {caller} {request.query_params}", headers={"etag": '"1"'}, media_type="text/plain")

    @router.put("/things/{thing}")
    async def change(thing: str, caller: Asking, body: Annotated[dict[str, Any], Body()]) -> Response:
        return Response(f"{thing} {caller} {body}")

    @router.post("/things/{thing}")
    async def deposit(thing: str, request: Request, caller: Asking) -> Response:
        return Response(f"{thing} {caller} {(await request.body()).decode()}", 201)

    return router


async def _ask(short: bool, method: str, path: str, headers: dict[str, str], body: bytes = b"body") -> httpx.Response:
    app, router = FastAPI(), routed()
    problems.install(app)
    app.include_router(router)
    bounded = BodyLimit(Shortcut(app, [router]) if short else app, max_bytes=10)
    transport = httpx.ASGITransport(bounded, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://carnet") as client:
        return await client.request(method, path, headers=headers, content=body if method == "POST" else None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/things/a",
        "/v1/things/a?q=1&q=2",
        "/v1/things/%C3%A9%20%2F",
        "/v1/things/a%0Ab",
        "/v1/things/a/",
        "/v1/things/",
        "/v1/things/hidden",
        "/v1/things/bug",
        "/v1/things/away",
        "/v1/things/special",
        "/v1/things/special?q=x",
        "/v2/things/a",
    ],
)
@pytest.mark.parametrize("who", [{"x-as": "alice"}, {}], ids=["known", "unknown"])
async def test_both_ways_answer_alike(method: str, path: str, who: dict[str, str]):
    """A request is answered with the same status, headers and bytes by the short way and by the long way."""
    short, long = [await _ask(way, method, path, who) for way in (True, False)]

    assert (short.status_code, short.content, short.headers) == (long.status_code, long.content, long.headers)


async def test_what_is_away_is_asked_for_again():
    """A broker or a database that is away is no fault of the service: come back, and nothing of it is told."""
    answer = await _ask(True, "GET", "/v1/things/away", {"x-as": "alice"})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
    assert "27017" not in answer.text


async def test_both_ways_bound_a_body():
    """52: a body above the limit is refused alike, by whichever way it comes."""
    short, long = [await _ask(way, "POST", "/v1/things/a", {"x-as": "alice"}, b"x" * 11) for way in (True, False)]

    assert (short.status_code, short.json()["code"]) == (413, "too-large")
    assert (short.status_code, short.content, short.headers) == (long.status_code, long.content, long.headers)


async def test_a_failure_is_seen():
    """A failure behind a door is answered and still reaches who logs it."""
    app, router = FastAPI(), routed()
    app.include_router(router)
    transport = httpx.ASGITransport(Shortcut(app, [router]))

    async with httpx.AsyncClient(transport=transport, base_url="http://carnet") as client:
        with pytest.raises(KeyError):
            await client.get("/v1/things/bug", headers={"x-as": "alice"})


async def test_the_log_knows_the_door():
    """The line of a request names the door's pattern, never what stood in its place."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/v1/things/a",
        "headers": [],
        "query_string": b"",
    }

    async def send(_message: Any) -> None:
        pass

    await Shortcut(FastAPI(), [routed()])(scope, _nothing, send)

    assert scope["route"].path == "/v1/things/{thing}"


def test_only_simple_doors_are_short():
    """A door that reads a body or a query by the framework, or whose answer it makes, goes the long way."""
    router = routed()

    @router.get("/made")
    async def made() -> dict[str, str]:
        return {}

    @router.get("/plain")
    def plain() -> Response:
        return Response()

    @router.get("/locked", dependencies=[Depends(who)])
    async def locked() -> Response:
        return Response()

    short = {route.path for route in router.routes if isinstance(route, APIRoute) and simple(route) is not None}

    assert short == {"/v1/things/{thing}"}


async def _nothing() -> Any:
    return {"type": "http.disconnect"}
