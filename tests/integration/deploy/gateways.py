"""A gateway for tests: nginx as the local stack starts it, before services that tell what they were asked."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from deploy.local import gateway
from deploy.local.certificates import ensure_authority
from deploy.local.servers import Server
from shared.http import problems
from shared.http.limits import BodyLimit

MEGABYTE = 1_000_000
BODY_SECONDS = 2.5


@dataclass(frozen=True)
class Gateway:
    """A running nginx before four services that tell what they were asked."""

    home: Path
    ports: Mapping[str, int]
    server: Server

    def trust(self) -> ssl.SSLContext:
        """Return what a client of this clone trusts."""
        return ssl.create_default_context(cafile=str(ensure_authority(self.home).certificate))

    def client(self, door: str = gateway.NAME, **options: Any) -> httpx.AsyncClient:
        """Return a client of a door."""
        url = gateway.url(self.ports, door)
        return httpx.AsyncClient(base_url=url, verify=options.pop("trust", self.trust()), trust_env=False, **options)

    async def raw(self, *parts: bytes, pause: float = 0.0, patience: float = 20.0) -> tuple[int, dict[str, str], bytes]:
        """Send bytes as they are, one part after another, and return status, headers and body of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[gateway.NAME], ssl=self.trust())

        async def send() -> None:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)

        sending = asyncio.create_task(send())
        try:
            async with asyncio.timeout(patience):
                head, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
                headers = dict(line.lower().split(": ", 1) for line in rest.decode().splitlines() if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending
            writer.transport.abort()
        return int(head.split()[1]), headers, body


def service(name: str) -> FastAPI:
    """Return a service that answers with what it was asked."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(BodyLimit, max_bytes=20 * MEGABYTE, seconds=BODY_SECONDS)
    problems.install(app)

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "DELETE"])
    async def tell(request: Request, path: str) -> JSONResponse:
        if path == "v1/records/unfit":
            raise problems.Problem(422, "ins-key")
        told = {
            "service": name,
            "path": f"/{path}",
            "query": request.url.query,
            "bytes": len(await request.body()),
            "headers": [[key.lower(), value] for key, value in request.headers.items()],
        }
        return JSONResponse(told)

    return app


def is_problem(answer: httpx.Response, status: int) -> bool:
    """Say whether an answer is the gateway's own problem of this status, and leaves nothing in a cache."""
    body = answer.json()
    typed = answer.headers["content-type"] == problems.MEDIA_TYPE and answer.headers["cache-control"] == "no-store"
    return typed and answer.status_code == body["status"] == status and set(body) == {"type", "title", "status", "code"}
