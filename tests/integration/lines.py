"""A line between a process and its database that a test may cut, at once or at the very words it waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass
class Line:
    """Carries what is said both ways until it is cut."""

    host: str
    port: int
    cut_at: bytes | None = None
    """What a process says when the line is to break."""
    is_cut: bool = False
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a connection on, both ways."""
        if self.is_cut:
            return writer.close()
        there, back = await asyncio.open_connection(self.host, self.port)
        self._open |= {writer, back}
        with suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, back, watched=True), self._pass(there, writer))
        for end in (writer, back):
            end.close()
        self._open -= {writer, back}
        return None

    def cut(self) -> None:
        """Break every connection, and let none be made."""
        self.is_cut = True
        for end in list(self._open):
            end.transport.abort()

    def mend(self) -> None:
        """Let connections be made again."""
        self.is_cut, self.cut_at = False, None

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, watched: bool = False) -> None:
        while data := await source.read(65_536):
            if watched and self.cut_at is not None and self.cut_at in data:
                return self.cut()
            sink.write(data)
            await sink.drain()
        return None


@asynccontextmanager
async def a_line(mongo_url: str) -> AsyncIterator[tuple[Line, str]]:
    """Give a line to a database and the address of its near end, for the same user."""
    parts = urlsplit(mongo_url)
    assert parts.hostname
    assert parts.port
    line = Line(parts.hostname, parts.port)
    async with await asyncio.start_server(line.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        user = f"{parts.username}:{parts.password}@" if parts.username else ""
        query = "&".join([*(q for q in parts.query.split("&") if q and "replicaSet" not in q), "directConnection=true"])
        yield line, urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}", path=parts.path or "/", query=query))
        line.cut()
