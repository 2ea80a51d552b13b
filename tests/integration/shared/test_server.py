"""The server and the issuer on real sockets of the loopback interface."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.clock import SystemClock
from shared.http.identity import Kind, TokenError
from shared.http.jwks import JwksCache
from shared.http.server import serving
from shared.http.verification import verify_token
from simulator.issuer import AUDIENCE, ISSUER, create_app, load_key

pytestmark = pytest.mark.integration
HOST = "127.0.0.1"


def slow_app(entered: asyncio.Event, leave: asyncio.Event) -> FastAPI:
    """Return an application whose one request ends when the test says so."""
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        entered.set()
        await leave.wait()
        return "done"

    return app


async def test_stops_gently():
    """A request under way when the process stops is answered; a new one finds nobody."""
    entered, leave = asyncio.Event(), asyncio.Event()
    async with httpx.AsyncClient() as client:
        async with serving(slow_app(entered, leave), HOST, 0) as port:
            asked = asyncio.create_task(client.get(f"http://{HOST}:{port}/slow"))
            await entered.wait()
            asyncio.get_running_loop().call_later(0.1, leave.set)

        assert (await asked).json() == "done"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://{HOST}:{port}/slow")


async def test_signals_stay_with_the_process():
    """Serving installs no signal handler: the process that owns the loop decides."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    async with serving(FastAPI(), HOST, 0):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_address_taken():
    """An address in use is an error at the start, not an exit of the process."""
    async with serving(FastAPI(), HOST, 0) as port:
        with pytest.raises(OSError, match="in use"):
            async with serving(FastAPI(), HOST, port):
                pass


async def test_does_not_start():
    """An application that fails to start is an error for whoever serves it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    with pytest.raises(RuntimeError, match="did not start"):
        async with serving(FastAPI(lifespan=lifespan), HOST, 0):
            pass


async def test_issuer_end_to_end(tmp_path: Path):
    """A token asked from the issuer is verified with the keys fetched from it, and one of another issuer is not."""
    mine, other = load_key(tmp_path / "mine"), load_key(tmp_path / "other")
    wanted = {"kind": "operator", "sub": "op-1", "roles": ["reader"]}
    async with serving(create_app(mine), HOST, 0) as port, serving(create_app(other), HOST, 0) as elsewhere:
        jwks = JwksCache(f"http://{HOST}:{port}/jwks")
        async with httpx.AsyncClient() as client:
            good = (await client.post(f"http://{HOST}:{port}/token", json=wanted)).json()
            foreign = (await client.post(f"http://{HOST}:{elsewhere}/token", json=wanted)).json()
            rebound = await client.get(f"http://{HOST}:{port}/jwks", headers={"host": "evil.invalid"})

        known: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "production": False}
        who = (await verify_token(good["access_token"], jwks, clock=SystemClock(), **known)).principal
        with pytest.raises(TokenError, match="token-kid"):
            await verify_token(foreign["access_token"], jwks, clock=SystemClock(), **known)
        await jwks.aclose()

    assert who.kind is Kind.OPERATOR
    assert who.roles == {"reader"}
    assert good["expires_in"] == 600
    assert rebound.status_code == 400


def test_issuer_keeps_its_key(tmp_path: Path):
    """The issuer's key survives a restart and only its owner may read it."""
    first = load_key(tmp_path / "key")

    assert load_key(tmp_path / "key").as_dict(private=True) == first.as_dict(private=True)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o400


async def test_issuer_process(tmp_path: Path, unused_tcp_port: int):
    """`python -m simulator.issuer` serves its keys and ends cleanly on SIGTERM."""
    environment = {**os.environ, "CARNET_HOME": str(tmp_path), "CARNET_HTTP_PORT": str(unused_tcp_port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator.issuer", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        listed = await patiently(f"http://{HOST}:{unused_tcp_port}/jwks")
    finally:
        process.terminate()
        ended = await asyncio.wait_for(process.wait(), 15)

    assert [key["alg"] for key in listed["keys"]] == ["ES256"]
    assert ended == 0


async def patiently(url: str) -> Any:
    """Return the JSON at a URL once somebody answers there."""
    async with httpx.AsyncClient() as client:
        for _ in range(200):
            try:
                return (await client.get(url)).json()
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
    raise TimeoutError(url)
