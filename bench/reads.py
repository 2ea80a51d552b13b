"""`./carnet bench reads`: a professional's traced list of 20 documents, beside the same list without a trace.

Readers arrive by chance, 200 a second, at records' api: token verified, decided, metadata unsealed, the trace written
by a majority before the answer leaves. Without the trace, everything else is the same. The api is kept on one core;
database, broker and readers on the others, if there are any.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from statistics import median
from typing import Final

import httpx
import uvloop

from bench.http_get import arrivals, read_at, request
from bench.measure import Watched, cpu_of, spent
from bench.messaging import machine
from bench.reading_seed import DOCTOR, DOCUMENTS, forget_traces, seed
from bench.stack import Ground, ground
from deploy.local.ports import free_port
from shared.http.server import serving
from simulator.issuer import create_app, new_key

SIDES: Final = ("traced", "untraced")
SUFFIX: Final = "_reads"
PEOPLE: Final = 50
SECONDS: Final = 10
WARM_UP_S: Final = 2
RATE: Final = 200.0


@dataclass(frozen=True, slots=True)
class Reads:
    """One repetition: how long answers took in milliseconds, and what one cost in CPU."""

    side: str
    p50: float
    p99: float
    slowest: float
    cpu_us: float
    database_us: float | None


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each side")
    parser.add_argument("--rate", type=float, default=RATE, help="readers per second")
    chosen = parser.parse_args()
    core, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [core])  # the servers, started below, take after this process
    with ground() as where:
        samples = uvloop.run(_measure(where, core, chosen.rounds, chosen.rate))
    found = [_medians([each for each in samples if each.side == side]) for side in SIDES]
    if chosen.json:
        sides = [asdict(each) for each in found]
        print(json.dumps({"machine": machine(), "rate": chosen.rate, "sides": sides}, indent=2))
    else:
        print(f"{table(found, chosen.rate)}\n\nMedians of {chosen.rounds} repetitions in turns, on {machine()}.")


def table(sides: Sequence[Reads], rate: float) -> str:
    """Return both sides as a Markdown table."""
    lines = [
        f"**A list of {DOCUMENTS} documents over HTTP, {rate:,.0f} readers per second, one core**",
        "",
        "| side | p50 ms | p99 ms | slowest ms | CPU µs per read: api | database |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for side in sides:
        database = "n/a" if side.database_us is None else f"{side.database_us:,.0f}"
        figures = f"{side.p50:.1f} | {side.p99:.1f} | {side.slowest:.1f} | {side.cpu_us:,.0f} | {database}"
        lines.append(f"| {side.side} | {figures} |")
    return "\n".join(lines)


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Return the value that a share of all values does not exceed."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


async def _measure(where: Ground, core: int, rounds: int, rate: float) -> list[Reads]:
    environment = where.environment(SUFFIX)
    records = await seed(environment, PEOPLE)
    samples = []
    async with _issuer() as (addresses, token):
        for number in range(rounds):
            for side in SIDES if number % 2 == 0 else reversed(SIDES):
                with _side(side, core, {**environment, **addresses}) as (process, url):
                    await _ready(url)
                    whole = [request(url, f"/v1/records/{record}/documents", token) for record in records]
                    readers = Readers(url, whole, rate, {**where.servers, "api": process})
                    samples.append(await readers.measure(side, number))
                await forget_traces(environment)
                print(f"{side}: p50 {samples[-1].p50:.1f} ms, p99 {samples[-1].p99:.1f} ms", file=sys.stderr)
    where.forget(SUFFIX)
    return samples


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads what, how often, and whose CPU is watched meanwhile."""

    url: str
    requests: Sequence[bytes]
    rate: float
    watched: Watched

    async def measure(self, side: str, number: int) -> Reads:
        """Warm up, then read for `SECONDS`."""
        await self._read(WARM_UP_S, -number - 1)
        before = cpu_of(self.watched)
        took = sorted(await self._read(SECONDS, number))
        cpu = {name: used / len(took) * 1e6 for name, used in spent(before, cpu_of(self.watched)).items()}
        p50, p99 = (percentile(took, share) * 1e3 for share in (0.5, 0.99))
        return Reads(side, p50, p99, took[-1] * 1e3, cpu["api"], cpu.get("database"))

    async def _read(self, seconds: float, number: int) -> list[float]:
        count = int(seconds * self.rate)
        return await read_at(self.url, list(islice(cycle(self.requests), count)), arrivals(count, self.rate, number))


def _medians(samples: Sequence[Reads]) -> Reads:
    databases = [each.database_us for each in samples if each.database_us is not None]
    return Reads(
        side=samples[0].side,
        p50=median(each.p50 for each in samples),
        p99=median(each.p99 for each in samples),
        slowest=median(each.slowest for each in samples),
        cpu_us=median(each.cpu_us for each in samples),
        database_us=median(databases) if databases else None,
    )


@asynccontextmanager
async def _issuer() -> AsyncIterator[tuple[Mapping[str, str], str]]:
    """Give an issuer's addresses and a physician's token, which lasts ten minutes."""
    async with serving(create_app(new_key()), "127.0.0.1", 0) as port, httpx.AsyncClient(trust_env=False) as client:
        base = f"http://127.0.0.1:{port}"
        wanted = {"kind": "professional", "sub": f"f:{DOCTOR}"}
        token = (await client.post(f"{base}/token", json=wanted)).json()["access_token"]
        yield {"CARNET_JWKS_URL": f"{base}/jwks", "CARNET_USERINFO_URL": f"{base}/userinfo"}, token


@contextmanager
def _side(side: str, core: int, environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Run records' api on one core, in a session of its own."""
    port = free_port(())
    argv = [sys.executable, "-m", "bench.reading_side", side, str(core)]
    env = {**environment, "CARNET_HTTP_PORT": str(port), "CARNET_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(argv, env=env, start_new_session=True)
    try:
        yield process.pid, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


async def _ready(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
        while True:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
