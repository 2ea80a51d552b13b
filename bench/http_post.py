"""A client that costs little: one kept connection, POST after POST, nothing read but status and length."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(slots=True)
class Poster:
    """A connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes

    @classmethod
    async def connect(cls, url: str, headers: Mapping[str, str]) -> Self:
        """Connect, and say the same headers each time."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
        return cls(reader, writer, "\r\n".join(lines).encode())

    async def post(self, body: bytes) -> int:
        """Send a body and return the status."""
        self.writer.write(b"%s\r\ncontent-length: %d\r\n\r\n" % (self.head, len(body)) + body)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        await self.reader.readexactly(int(length or 0))
        return int(head.split(b" ", 2)[1])


async def post_all(
    url: str, headers: Mapping[str, str], bodies: Sequence[bytes], clients: int, expected: int
) -> list[float]:
    """Post bodies by so many clients; return how long each took, in seconds; raise for another status."""
    waiting, took = iter(bodies), []

    async def work() -> None:
        poster = await Poster.connect(url, headers)
        for body in waiting:
            started = time.perf_counter()
            status = await poster.post(body)
            took.append(time.perf_counter() - started)
            if status != expected:
                raise RuntimeError(f"{status} instead of {expected}")
        poster.writer.close()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(work())
    return took
