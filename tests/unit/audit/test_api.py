"""The operators' doors of the log."""

from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from services.audit.api.log import log_doors
from services.audit.domain.entries import EMPTY
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.messaging.unit import Unit
from tests.fakes.audit import InMemoryLog, InMemoryLogReader, LogStorage
from tests.fakes.entries import some_entries, whole


async def operator(request: Request) -> Principal:
    """Let in whoever says so."""
    if request.headers.get("authorization") != "Bearer operator":
        raise Problem(401, "token-missing")
    return Principal("o", Kind.OPERATOR, frozenset())


@pytest.fixture
async def storage() -> LogStorage:
    """Give a log of ten entries, one of which was erased."""
    storage, unit = LogStorage(), Unit()
    log = InMemoryLog(storage)
    await log.append(some_entries(10), unit, after=await log.head())
    for effect in unit.effects:
        await effect(None)
    del storage.openings[3]
    return storage


@pytest.fixture
async def client(storage: LogStorage) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of that log."""
    app = FastAPI()
    problems.install(app)
    app.include_router(log_doors(InMemoryLogReader(storage), operator))
    headers = {"authorization": "Bearer operator"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a", headers=headers) as client:
        yield client


class TestDoors:
    """What they show and to whom."""

    async def test_pages(self, client: httpx.AsyncClient, storage: LogStorage):
        """The pages put together are the whole log, without any text; of an erased entry only the leaf is there."""
        rows: list[dict[str, Any]] = []
        start = 0
        while start is not None:
            page = (await client.get("/ops/log/entries", params={"from": start, "limit": 4})).json()
            rows, start = rows + page["entries"], page["next"]

        head = (await client.get("/ops/log/head")).json()
        assert (head["size"], head["root"], head["epoch"]) == (10, storage.head.root.hex(), 1)
        names = whole([(row["index"], b64decode(row["leaf"])) for row in rows], storage.head)
        assert [row["event"] for row in rows] == [name.hex() for name in names]
        assert [row["type"] for row in rows] == ["line.kept.v1"] * 3 + [None] + ["line.kept.v1"] * 6
        assert (rows[1]["subject"], rows[3]["subject"]) == (storage.openings[1].record, None)

    async def test_beyond(self, client: httpx.AsyncClient):
        """Beyond the end there is an empty page."""
        assert (await client.get("/ops/log/entries?from=99")).json() == {"entries": [], "next": None}

    @pytest.mark.parametrize("query", ["from=-1", "from=9223372036854775808", "from=x", "limit=0", "limit=1001"])
    async def test_bad_query(self, client: httpx.AsyncClient, query: str):
        """An index or a limit out of range is refused with a problem."""
        answer = await client.get(f"/ops/log/entries?{query}")

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")

    @pytest.mark.parametrize("path", ["head", "entries"])
    async def test_operators_only(self, client: httpx.AsyncClient, path: str):
        """Without an operator's token both doors stay shut."""
        answer = await client.get(f"/ops/log/{path}", headers={"authorization": ""})

        assert answer.status_code == 401

    async def test_empty(self):
        """An empty log has a head that says so."""
        reader = InMemoryLogReader(LogStorage())

        assert await reader.head() == EMPTY
