"""Bodies that JSON's grammar allows, or nearly, and that two readers may take differently (bad input E51 to E58)."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from shared.http import problems
from shared.http.json_bodies import StrictJson
from shared.http.limits import BodyLimit

LIMIT = 256 * 1024

HOSTILE = {
    "51 depth of 100,000": b"[" * 100_000,
    "52 commas without end": b"[" + b"0," * 50_000,
    "53 NaN": b'{"wanted": NaN}',
    "53 Infinity": b'{"wanted": -Infinity}',
    "53 1e999": b'{"wanted": 1e999}',
    "54 a key twice": b'{"wanted": "a", "wanted": "b"}',
    "54 a key twice, once escaped": b'{"wanted": "a", "\\u0077anted": "b"}',
    "55 lone surrogate": b'{"wanted": "\\ud800"}',
    "56 integer of 5,000 digits": b'{"wanted": ' + b"9" * 5_000 + b"}",
    "57 2^63 and more": b'{"wanted": 123456789012345678901}',
    "58 UTF-16": '{"wanted": "a"}'.encode("utf-16"),
    "58 UTF-16 without a mark": '{"wanted": "a"}'.encode("utf-16-le"),
    "58 byte order mark": b'\xef\xbb\xbf{"wanted": "a"}',
    "58 invalid UTF-8": b'{"wanted": "\xff"}',
    "nothing but a minus": b"-",
}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    wanted: str


@pytest.fixture
async def client() -> Any:
    """A door that takes one small JSON object."""
    app = FastAPI()
    app.add_middleware(StrictJson)
    app.add_middleware(BodyLimit, max_bytes=LIMIT)
    problems.install(app)

    @app.post("/search")
    async def search(body: _Body) -> dict[str, str]:
        return {"found": body.wanted}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as asking:
        yield asking


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-16", "application/problem+json"])
async def test_a_body_with_two_readings_is_refused(client: httpx.AsyncClient, kind: str, body: bytes) -> None:
    """It is answered 400 with one stable code, and nothing of it is repeated."""
    answer = await client.post("/search", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (400, "json-invalid")
    assert "wanted" not in answer.text


async def test_a_plain_body_passes(client: httpx.AsyncClient) -> None:
    """What has one reading reaches its door, in one part or in many."""

    async def parts() -> Any:
        for part in (b'{"wan', b'ted": "\xc3', b'\xa9t\xc3\xa9"}'):
            yield part

    for content in (b'{"wanted": "\xc3\xa9t\xc3\xa9"}', parts()):
        answer = await client.post("/search", content=content, headers={"content-type": "application/json"})
        assert answer.json() == {"found": "été"}


async def test_the_limit_of_size_speaks_first(client: httpx.AsyncClient) -> None:
    """A body beyond the limit is 413, whatever it says (E52)."""
    answer = await client.post("/search", content=b"0," * LIMIT, headers={"content-type": "application/json"})
    assert answer.status_code == 413
