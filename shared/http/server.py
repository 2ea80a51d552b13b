"""How a service listens: uvicorn inside the process's own loop, stopped gently, silent about what is asked.

Uvicorn's own access log would write query strings, and its error log the text of exceptions: either may hold a
person's data. One line per request replaces them: method, the route's pattern, status, milliseconds.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import PurePath
from time import perf_counter
from traceback import extract_tb
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

GRACE_SECONDS: Final = 10
"""How long requests under way may take to end when the process stops."""
_BACKLOG: Final = 2048
MAX_HEAD: Final = 64 * 1024
"""Bytes of a request line and its headers together."""
_MAX_FRAMING: Final = 1024 * 1024
"""Bytes around the chunks of a body, and of the headers that may follow it."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("carnet.http")


async def serve(app: ASGIApp, host: str, port: int) -> None:
    """Answer requests until cancelled; then let those under way end, at most `GRACE_SECONDS`."""
    async with serving(app, host, port):
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncIterator[int]:
    """Answer requests while the block runs and give the port, chosen by the system if ``port`` is 0.

    Raise `OSError` if the address is taken, and `RuntimeError` if the application did not start.
    """
    with socket.create_server((host, port), backlog=_BACKLOG) as listener:
        server = _Server(
            uvicorn.Config(
                quiet(app),
                http=_Protocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        running = asyncio.create_task(server.run_on(listener))
        try:
            await _started(server, running)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


class _Server(uvicorn.Server):
    """Uvicorn as a guest: it neither handles signals nor ends the process, the owner of the loop does."""

    async def run_on(self, listener: socket.socket) -> None:
        try:
            await self.serve(sockets=[listener])
        except SystemExit:
            raise RuntimeError("the application did not start") from None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 as llhttp reads it, with a bound on what is no body: the library would gather it without end."""

    _in_head, _beside = True, 0

    def data_received(self, data: bytes) -> None:
        self._beside += len(data)
        super().data_received(data)
        most = MAX_HEAD if self._in_head else _MAX_FRAMING
        if self._beside > most and not self.transport.is_closing():
            self.send_400_response("Request head too large.")

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._beside -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._beside = True, 0
        super().on_message_complete()


async def _started(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.005)
    if running.done():
        running.result()


def quiet(app: ASGIApp) -> ASGIApp:
    """Return the application with one log line per request, and failures logged by place and class only."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        began, status = perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the last stop: uvicorn would print the exception's text
            log.error("request failed", error=type(error).__name__, place=_place(error))  # noqa: TRY400
        route = getattr(scope.get("route"), "path", "-")
        took = round((perf_counter() - began) * 1000, 1)
        log.info("request", method=scope["method"], route=route, status=status, ms=took)
        return None

    return wrapped


def _place(error: BaseException) -> str:
    frame = extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno}"
