"""A way between one process and one server that can be cut, slowed down, frozen, left half open and garbled."""

import asyncio
import contextlib
import os
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

CHUNK: Final = 64 * 1024

GARBAGE: Final = 24
"""Bytes put where none belong: they break the framing of AMQP and of MongoDB, so that a peer must notice. A changed
byte inside somebody's data is what TLS is for, and no peer could notice it here."""

_RESET: Final = struct.pack("ii", 1, 0)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(eq=False, slots=True)
class _Connection:
    """A client's connection and, unless its server's side was closed, the server's."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    deaf: bool = False
    """Half open: the server's side is gone, and nobody tells the client."""

    def abort(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                _reset(writer)


@dataclass(slots=True)
class Link:
    """Listens on a port of its own and hands bytes on to the first server that accepts, as the weather allows."""

    name: str
    port: int
    servers: tuple[tuple[str, int], ...]
    counted: Counter[str] = field(default_factory=Counter)
    """What happened here: connections ``opened``, ``cut``, ``held`` and ``swallowed`` chunks, ``garbled`` ones."""
    _connections: set[_Connection] = field(default_factory=set)
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _delay: float = 0.0
    _deaf: bool = False
    _refusing: bool = False
    _to_garble: int = 0
    _listener: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        """Begin to listen."""
        self._flowing.set()
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=CHUNK)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._listener is not None:
            self._listener.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def cut(self) -> int:
        """Reset every connection, as a network device that lost its state does; return how many there were."""
        cut = list(self._connections)
        for connection in cut:
            connection.abort()
        self.counted["cut"] += len(cut)
        return len(cut)

    def refuse(self) -> None:
        """Cut, and reset whoever connects, until `heal`."""
        self._refusing = True
        self.cut()

    def freeze(self) -> None:
        """Hand nothing on until `heal`; nothing is lost."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """Hold each chunk back for so long, until `heal`."""
        self._delay = seconds

    def half_open(self) -> None:
        """Close the servers' sides and leave the clients' open and unanswered; so too who connects until `heal`."""
        self._deaf = True
        for connection in self._connections:
            _deafen(connection)

    def corrupt(self, chunks: int) -> None:
        """Put garbage into the next so many chunks, whoever sends them."""
        self._to_garble = chunks

    def heal(self) -> None:
        """Let everything flow again; a connection that was left half open is reset at last."""
        self._delay, self._deaf, self._refusing, self._to_garble = 0.0, False, False, 0
        self._flowing.set()
        for connection in [each for each in self._connections if each.deaf]:
            connection.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - callbacks run in tasks
        self._tasks.add(task)
        connection = _Connection(writer)
        try:
            if not self._refusing:
                self._connections.add(connection)
                self.counted["opened"] += 1
                await self._serve(connection, reader)
        except OSError:
            self.counted["lost"] += 1
        except asyncio.CancelledError:
            pass  # the link is closed, and nobody waits for this task: asyncio would complain about it
        finally:
            connection.abort()
            self._connections.discard(connection)
            self._tasks.discard(task)

    async def _serve(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        if self._deaf:
            connection.deaf = True
            await self._swallow(connection, reader)
            return
        answers, connection.server = await self._connect()
        there = asyncio.create_task(self._pump(connection, reader, connection.server))
        back = asyncio.create_task(self._pump(connection, answers, connection.client))
        try:
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            if connection.deaf:
                await there
        finally:
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    async def _connect(self) -> Streams:
        for host, port in self.servers[:-1]:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(host, port, limit=CHUNK)
        host, port = self.servers[-1]
        return await asyncio.open_connection(host, port, limit=CHUNK)

    async def _pump(self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what comes; end quietly with the connection."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if connection.deaf:
                    self.counted["swallowed"] += 1
                    continue
                if self._delay or not self._flowing.is_set():
                    self.counted["held"] += 1
                    await asyncio.sleep(self._delay)
                    await self._flowing.wait()
                writer.write(self._garbled(data))
                await writer.drain()

    async def _swallow(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while connection.deaf and await reader.read(CHUNK):
                self.counted["swallowed"] += 1

    def _garbled(self, data: bytes) -> bytes:
        if not self._to_garble:
            return data
        self._to_garble -= 1
        self.counted["garbled"] += 1
        middle = len(data) // 2
        return data[:middle] + os.urandom(GARBAGE) + data[middle:]


def _deafen(connection: _Connection) -> None:
    connection.deaf = True
    if connection.server is not None:
        _reset(connection.server)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, not with a goodbye."""
    if (raw := writer.get_extra_info("socket")) is not None and not writer.is_closing():
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
