"""A witness behind its door, with its file: what it signs, what it refuses with which status, what it remembers."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.witness.adapters.sqlite_checkpoints import SqliteCheckpoints
from services.witness.api import application
from shared.clock import SystemClock
from tests.fakes.logs import Log, log_of
from tests.fakes.signing import LOG, NORTH, STRANGER, noted
from verifier.merkle import EMPTY_ROOT
from verifier.notes import Note, parse_note, parse_signature, signers

HISTORY = log_of(700)


@pytest.fixture
def store(tmp_path: Path) -> SqliteCheckpoints:
    """The witness's memory."""
    return SqliteCheckpoints(tmp_path / "seen.sqlite")


@pytest.fixture
async def witness(store: SqliteCheckpoints) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the witness's doors."""
    app = application(logs={LOG.key.name: [LOG.key]}, seen=store, signer=NORTH, clock=SystemClock())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://witness") as client:
        yield client


def request(size: int, old: int, log: Log = HISTORY, path: Sequence[bytes] | None = None) -> bytes:
    """Return the body that asks for a signature under the log at a size."""
    shorter = log_of(size) if log is HISTORY else log
    steps = shorter.growth(old) if path is None else path
    note = noted(LOG, text=shorter.checkpoint(size).text)
    return "".join([f"old {old}\n", *(f"{b64encode(step).decode()}\n" for step in steps), "\n"]).encode() + note


async def add(witness: httpx.AsyncClient, body: bytes) -> httpx.Response:
    """Ask for a signature."""
    return await witness.post("/add-checkpoint", content=body)


async def test_a_log_that_grows_is_signed(witness: httpx.AsyncClient) -> None:
    """The line that comes back is this witness's good signature under the very checkpoint."""
    for old, size in ((0, 5), (5, 5), (5, 300), (300, 700)):
        body = request(size, old)
        answer = await add(witness, body)
        assert answer.status_code == 200
        note = parse_note(body.partition(b"\n\n")[2])
        signed = Note(note.text, (parse_signature(answer.text.removesuffix("\n")),))
        assert [each.key for each in signers(signed, [NORTH.key])] == [NORTH.key]


async def test_whoever_does_not_know_the_size_is_told(witness: httpx.AsyncClient) -> None:
    """Another old size than the last signed is 409, with the size that this witness saw (bad input I109)."""
    await add(witness, request(300, 0))
    for old in (0, 299):
        answer = await add(witness, request(700, old))
        assert (answer.status_code, answer.text) == (409, "300\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"


FORGED = log_of(100)
FORGED.tell("eve")
for _ in range(599):
    FORGED.tell("ada")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (request(700, 300, path=[]), 422, "proof-invalid"),
        (request(700, 300, path=[EMPTY_ROOT] * 8), 422, "proof-invalid"),
        (request(700, 300, FORGED), 422, "proof-invalid"),
        (request(300, 300, FORGED), 422, "proof-invalid"),
        (request(299, 300, path=[]), 400, "old-size-greater"),
        (request(300, 300).replace(LOG.key.name.encode(), b"another.log"), 404, "origin-unknown"),
        (b"old 300\n\n" + noted(STRANGER, text=HISTORY.checkpoint(300).text), 403, "signature-unknown"),
        (b"old 300\n\n" + noted(NORTH, text=HISTORY.checkpoint(300).text), 403, "signature-unknown"),
        (request(300, 300).replace(b"old 300", b"old 0300"), 400, "request-malformed"),
        (request(300, 300).replace(b"old 300\n", b""), 400, "request-malformed"),
        (request(300, 300).replace(b"\n", b"\r\n"), 400, "request-malformed"),
        (request(700, 300, path=[EMPTY_ROOT] * 64), 400, "request-malformed"),
        (b"", 400, "request-malformed"),
        (b"\xff\n\n\xff", 400, "request-malformed"),
    ],
)
async def test_what_is_not_signed(witness: httpx.AsyncClient, body: bytes, status: int, code: str) -> None:
    """Each refusal has the status of tlog-witness, and changes nothing of what was seen."""
    await add(witness, request(300, 0))
    answer = await add(witness, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await add(witness, request(300, 300))).status_code == 200


async def test_two_truths_are_kept(witness: httpx.AsyncClient, tmp_path: Path) -> None:
    """Two signed checkpoints that contradict each other are kept both: they prove it to anybody (bad input I109)."""
    await add(witness, request(300, 0))
    await add(witness, request(300, 300, FORGED))
    await add(witness, request(300, 300, FORGED))
    with sqlite3.connect(tmp_path / "seen.sqlite") as database:
        ((note, against),) = database.execute("SELECT note, against FROM evidence").fetchall()
    for kept in (note, against):
        assert [each.key for each in signers(parse_note(kept.encode()), [LOG.key])] == [LOG.key]
    assert note.split("\n")[2] != against.split("\n")[2]


async def test_two_at_once(witness: httpx.AsyncClient) -> None:
    """Of two histories that branch off the same checkpoint one is signed, however close they come."""
    await add(witness, request(100, 0))
    bodies = [request(700, 100), request(700, 100, FORGED)] * 5
    answers = await asyncio.gather(*(add(witness, body) for body in bodies))
    lines = {answer.text for answer in answers if answer.status_code == 200}
    assert len(lines) == 1


def test_a_witness_that_was_killed_remembers(tmp_path: Path) -> None:
    """What was answered survives SIGKILL: after it the same history goes on and another does not."""
    key = tmp_path / "key"
    key.write_bytes(bytes([2]) * 32)
    key.chmod(0o400)
    with _running(tmp_path, key) as (url, process):
        assert httpx.post(url, content=request(300, 0)).status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with _running(tmp_path, key) as (url, process):
        assert httpx.post(url, content=request(300, 0)).text == "300\n"
        assert httpx.post(url, content=request(700, 300, FORGED)).status_code == 422
        assert httpx.post(url, content=request(700, 300)).status_code == 200
        process.terminate()
        assert process.wait(10) == 0


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


class _running:  # noqa: N801 - reads as a function
    """A witness as a process of its own."""

    def __init__(self, folder: Path, key: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._env: dict[str, Any] = {
            "CARNET_WITNESS_NAME": NORTH.key.name,
            "CARNET_WITNESS_KEY_FILE": str(key),
            "CARNET_WITNESS_LOGS": f'["{LOG.key}"]',
            "CARNET_WITNESS_STORE": str(folder / "seen.sqlite"),
            "CARNET_WITNESS_HTTP_PORT": str(self._port),
        }

    def __enter__(self) -> tuple[str, subprocess.Popen[bytes]]:
        self._process = subprocess.Popen([sys.executable, "-m", "services.witness", "api"], env=os.environ | self._env)
        url = f"http://127.0.0.1:{self._port}"
        while not _ready(url):
            assert self._process.poll() is None
            time.sleep(0.1)
        return f"{url}/add-checkpoint", self._process

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
