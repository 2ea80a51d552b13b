"""The operators' doors of the log."""

import httpx
import pytest
from fastapi import FastAPI, Request

from services.audit.api.log import log_doors
from services.audit.domain.chain import EMPTY, advance, extend
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from tests.fakes.audit import InMemoryLogReader, LogStorage
from tests.unit.audit.damage import Row, exported, whole_log


async def operator(request: Request) -> Principal:
    """Let in whoever says so."""
    if request.headers.get("authorization") != "Bearer operator":
        raise Problem(401, "token-missing")
    return Principal("o", Kind.OPERATOR, frozenset())


@pytest.fixture
async def client():
    """Give a client of a log of 10 entries."""
    entries, head = whole_log()
    app = FastAPI()
    problems.install(app)
    app.include_router(log_doors(InMemoryLogReader(LogStorage(head, entries)), operator))
    headers = {"authorization": "Bearer operator"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a", headers=headers) as client:
        yield client


class TestDoors:
    """What they show and to whom."""

    async def test_pages(self, client: httpx.AsyncClient):
        """The pages put together are the whole log, without any opening."""
        rows: list[Row] = []
        start = 0
        while start is not None:
            page = (await client.get("/ops/log/entries", params={"from": start, "limit": 4})).json()
            rows, start = rows + page["entries"], page["next"]

        assert (rows, (await client.get("/ops/log/head")).json()) == exported(*whole_log())

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

        assert await reader.head() == advance(EMPTY, extend(EMPTY, []))
