"""How a service listens: what is no body has a bound, whatever the parser would take."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.server import ServerState

from shared.http.server import _MAX_FRAMING, MAX_HEAD, _Protocol


class Line:
    """A connection to a server whose application remembers the bodies that came whole."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.transport = Mock(spec=asyncio.Transport)
        self.transport.get_extra_info.return_value = None
        self.transport.is_closing.side_effect = lambda: self.transport.close.called
        self._protocol = _Protocol(uvicorn.Config(self._app, interface="asgi3"), ServerState(), {})
        self._protocol.connection_made(self.transport)

    async def send(self, data: bytes, *, at_once: int = 16_384) -> None:
        """Send bytes as a network does: by and by, until the other side closes."""
        for start in range(0, len(data), at_once):
            if not self.closed:
                self._protocol.data_received(data[start : start + at_once])
                await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def closed(self) -> bool:
        """Tell whether the server hung up."""
        return bool(self.transport.close.called)

    async def _app(self, _scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def line() -> Line:
    """Give a connection."""
    return Line()


async def test_bodies_follow_one_another(line: Line):
    """Large bodies, in pieces and in chunks, arrive whole on one connection."""
    large = b"x" * 300_000
    await line.send(b"POST / HTTP/1.1\r\ncontent-length: 300000\r\n\r\n" + large)
    await line.send(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n493e0\r\n" + large + b"\r\n0\r\n\r\n")

    assert line.bodies == [large, large]
    assert not line.closed


@pytest.mark.parametrize(
    "endless",
    [b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nname", b"GET / HTTP/1.1\r\nname: "],
    ids=["url", "headers", "name", "value"],
)
async def test_head_has_a_bound(line: Line, endless: bytes):
    """A head that does not end is answered 400 and the connection closed, wherever it is drawn out."""
    more = b"a: b\r\n" if endless.endswith(b"\n") else b"aaaaaa"
    await line.send(endless + more * (2 * MAX_HEAD // len(more)))

    assert line.closed
    assert line.transport.write.call_args.args[0].startswith(b"HTTP/1.1 400")
    assert line.bodies == []


async def test_trailers_have_a_bound(line: Line):
    """Headers after a body are not gathered without end either."""
    start = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    await line.send(start + b"a: b\r\n" * (_MAX_FRAMING // 6 + 10_000))

    assert line.closed
    assert line.bodies == []


async def test_a_length_and_chunks_at_once(line: Line):
    """A request with two lengths is refused: a gateway might have read another one (RFC 9112 §6.1)."""
    await line.send(
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n"
    )

    assert line.closed
    assert line.bodies == []
