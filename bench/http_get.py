"""Readers that arrive by chance at a given rate, whether or not the ones before were answered."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

CONNECTIONS: Final = 64
"""Kept open; a reader who finds none free waits, and that counts."""
IDLE_S: Final = 3.0


@dataclass(slots=True)
class Getter:
    """A kept connection to a server; nothing of an answer is looked at but status and length."""

    url: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: float

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect."""
        parts = urlsplit(url)
        return cls(url, *await asyncio.open_connection(parts.hostname, parts.port), time.perf_counter())

    async def fresh(self) -> Self:
        """Return this connection, or another one if the server may have closed it for idleness."""
        if time.perf_counter() - self.used < IDLE_S:
            return self
        self.writer.close()
        return await self.connect(self.url)

    async def get(self, request: bytes) -> int:
        """Send a whole request and return the status, once the answer was read to its end."""
        self.used = time.perf_counter()
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        await self.reader.readexactly(int(length or 0))
        return int(head.split(b" ", 2)[1])


def request(url: str, path: str, token: str) -> bytes:
    """Return a GET as it goes over the line."""
    lines = [f"GET {path} HTTP/1.1", f"host: {urlsplit(url).netloc}", f"authorization: Bearer {token}", "", ""]
    return "\r\n".join(lines).encode()


def arrivals(count: int, rate: float, seed: int) -> list[float]:
    """Return the seconds at which so many readers arrive, independent of one another (a Poisson process)."""
    rng, at, times = random.Random(seed), 0.0, []
    for _ in range(count):
        at += rng.expovariate(rate)
        times.append(at)
    return times


async def read_at(url: str, requests: Sequence[bytes], times: Sequence[float]) -> list[float]:
    """Send each request at its time; return the seconds from when it was due to the end of its answer.

    Reckoned from the due time, a server that falls behind shows it. Raise `RuntimeError` for any status but 200.
    """
    free: asyncio.LifoQueue[Getter] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await Getter.connect(url))
    began = time.perf_counter() + 0.1

    async def read(whole: bytes, due: float) -> float:
        await asyncio.sleep(began + due - time.perf_counter())
        getter = await (await free.get()).fresh()
        status = await getter.get(whole)
        took = time.perf_counter() - began - due
        free.put_nowait(getter)
        if status != 200:
            raise RuntimeError(f"{status} instead of 200")
        return took

    took = await asyncio.gather(*(read(whole, due) for whole, due in zip(requests, times, strict=True)))
    while not free.empty():
        free.get_nowait().writer.close()
    return list(took)
