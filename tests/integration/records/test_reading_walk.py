"""Records as processes: documents arrive as events, are read over HTTP, and leave a trace before a byte is sent."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import httpx
import orjson
import pytest
from bson.binary import Binary
from pymongo.asynchronous.database import AsyncDatabase

from shared.contracts.event import Event
from shared.contracts.ingest import DocumentReceivedV1
from shared.http.server import serving
from shared.identity import blind_index, parse_ins
from shared.messaging.acts import perform
from shared.messaging.runtime import Runtime
from shared.messaging.unit import Unit
from simulator.issuer import create_app, new_key
from tests.fakes.reads import CDA, content_box, documented
from tests.fakes.records import accepted
from tests.integration.conftest import Installation, Launch, until
from tests.integration.lines import Line, a_line
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

ALICE = {"value": "279035121518989", "oid": "1.2.250.1.213.1.4.10"}
DOCTOR = "899700366240"

TRACES = b"\x02insert\x00\x07\x00\x00\x00traces\x00"
"""What the insertion of a trace says on the wire."""


@dataclass
class Town:
    """Records' processes, a person, and a professional."""

    ingest: Runtime
    """Publishes what ingest would."""
    records: AsyncDatabase[dict[str, Any]]
    contents: AsyncDatabase[dict[str, Any]]
    client: httpx.AsyncClient
    issuer: str
    api: str
    line: Line

    async def publish(self, *events: Event) -> None:
        """Publish events, as ingest does."""

        async def work(unit: Unit) -> None:
            for event in events:
                unit.emit(event)

        await perform(self.ingest, work)
        await self.ingest.relay.drain(10)

    async def person(self) -> str:
        """Register Alice, whose DMP is from 2015, and return the record."""
        index = blind_index(self.ingest.index_key, parse_ins(ALICE["value"], ALICE["oid"], production=False))
        record: str = (await self.ingest.vault.ensure_subjects({index}))[index]
        await self.publish(accepted(record, dmp_created_on=date(2015, 3, 2)))
        return record

    async def document(self, record: str, *replaces: str) -> DocumentReceivedV1:
        """Keep a document's bytes and publish that it was received."""
        event = await documented(record, self.ingest.vault, replaces=replaces)
        name = event.data.content_id
        box = await content_box(record, name, self.ingest.vault)
        await self.contents["documents"].insert_one({"_id": name, "record": record, "box": Binary(box)})
        await self.publish(event)
        await until(lambda: self._is_stored(event.data.document_id), "the document in the record")
        return event

    async def _is_stored(self, document: str) -> bool:
        return await self.records["documents"].find_one({"_id": document}) is not None

    async def token(self, kind: str) -> dict[str, str]:
        """Return the header of a caller."""
        wanted: dict[str, Any] = {"kind": kind, "sub": f"sub-{kind}"}
        if kind == "patient":
            wanted["ins"] = ALICE
        answer = await self.client.post(f"{self.issuer}/token", json=wanted)
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    async def ask(self, kind: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """Ask records."""
        headers = {**await self.token(kind), **more.pop("headers", {})}
        return await self.client.request(method, f"{self.api}/v1/records{path}", headers=headers, **more)

    async def traces(self) -> list[tuple[str, str, str]]:
        """Return action, outcome and rule of every trace, its message pending or in the outbox, in order."""
        pending = await self.records["traces"].find({"event": {"$exists": True}}).to_list()
        events = [orjson.loads(row["event"]) for row in pending] + await self.sent()
        told = sorted({each["id"]: each for each in events}.values(), key=lambda each: each["time"])
        return [(each["data"]["action"], each["data"]["outcome"], each["data"]["rule"]) for each in told]

    async def sent(self) -> list[dict[str, Any]]:
        """Return every trace in the outbox."""
        rows = await self.records["outbox"].find({"key": "access.traced.v1"}).to_list()
        bodies = [orjson.loads(row["body"]) for row in rows]
        return [each for body in bodies for each in (body if isinstance(body, list) else [body])]

    async def has_sent(self, count: int) -> bool:
        """Tell whether so many traces are in the outbox, each once, and none is pending."""
        sent = [each["id"] for each in await self.sent()]
        pending = await self.records["traces"].count_documents({"event": {"$exists": True}})
        return len(sent) == len(set(sent)) == count and not pending

    async def ready(self) -> bool:
        """Tell whether the doors are open."""
        with suppress(httpx.TransportError):
            return (await self.client.get(f"{self.api}/readyz")).status_code == 200
        return False


@pytest.fixture
async def town(
    installation: Installation, launch: Launch, mongo_client: Any, unused_tcp_port: int
) -> AsyncIterator[Town]:
    """Start records' worker and api, whose line to the database can be cut."""
    async with (
        runtime_of(installation, "ingest") as ingest,
        serving(create_app(new_key()), "127.0.0.1", 0) as issuer,
        a_line(installation.mongo_url) as (line, mongo_url),
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
    ):
        base = f"http://127.0.0.1:{issuer}"
        await launch("records", "worker")
        await launch(
            "records",
            "api",
            CARNET_JWKS_URL=f"{base}/jwks",
            CARNET_USERINFO_URL=f"{base}/userinfo",
            CARNET_HTTP_PORT=str(unused_tcp_port),
            CARNET_MONGO_URL=mongo_url,
        )
        databases = [mongo_client[name + installation.suffix] for name in ("records", "contents")]
        made = Town(ingest, databases[0], databases[1], client, base, f"http://127.0.0.1:{unused_tcp_port}", line)
        await until(made.ready, "records' doors")
        yield made
        await mongo_client.drop_database("contents" + installation.suffix)


async def test_a_document_is_read(town: Town):
    """F25, F30, F39, F48, F57: from the event to the bytes; each answer has its trace at once, its message soon."""
    record = await town.person()
    first = (await town.document(record)).data.document_id
    second = (await town.document(record, first)).data.document_id

    found = await town.ask("professional", "/search", "POST", json={"ins": ALICE})
    assert found.json() == {"record": record, "authorisation": "NON_EXISTE"}
    denied = await town.ask("professional", f"/{record}/documents/{second}/content")
    assert (denied.status_code, denied.json()["code"]) == (404, "document-unavailable")
    assert (await town.traces())[-1] == ("document-read", "denied", "no-consent")

    made = await town.ask("patient", f"/me/professionals/{DOCTOR}", "PUT", json={"status": "authorised"})
    assert made.status_code == 201
    listed = await town.ask("professional", f"/{record}/documents")
    assert [each["id"] for each in listed.json()["documents"]] == [second]
    assert (await town.traces())[-1] == ("documents-listed", "permitted", "authorised")
    read = await town.ask("professional", f"/{record}/documents/{second}/content")
    assert (read.status_code, read.content) == (200, CDA)
    assert (await town.traces())[-1] == ("document-read", "permitted", "authorised")
    same = await town.ask("patient", f"/me/documents/{second}/content", headers={"if-none-match": read.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert len(await town.traces()) == 6
    await until(partial(town.has_sent, 6), "the messages of the traces")

    history = await town.ask("patient", "/me/documents?status=all")
    assert {each["id"]: each["status"] for each in history.json()["documents"]} == {
        first: "deprecated",
        second: "approved",
    }


async def test_the_database_goes_away(town: Town):
    """I112: the database goes between decision and answer: 503, not a byte; once it is back, the read works again."""
    record = await town.person()
    name = (await town.document(record)).data.document_id
    path = "/me/documents/" + name + "/content"
    assert (await town.ask("patient", path)).content == CDA
    before = await town.traces()

    town.line.cut_at = TRACES
    answer = await town.ask("patient", path)

    assert town.line.is_cut
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (b"CANARY" in answer.content, "retry-after" in answer.headers) == (False, True)
    assert await town.traces() == before

    town.line.mend()
    await until(lambda: _is_read(town, path), "a read after the database came back")
    assert len(await town.traces()) > len(before)


async def test_a_closed_person(town: Town):
    """C43: a document for a person without an open record is refused, and that is told."""
    index = blind_index(town.ingest.index_key, parse_ins(ALICE["value"], ALICE["oid"], production=False))
    record = (await town.ingest.vault.ensure_subjects({index}))[index]
    await town.publish(accepted(record))
    event = await documented(record, town.ingest.vault)
    await town.publish(event)

    async def refused() -> Sequence[Any]:
        rows = await town.records["outbox"].find({"key": "document.refused.v1"}).to_list()
        return [orjson.loads(row["body"]) for row in rows]

    await until(_some(refused), "the refusal")
    (told,) = await refused()
    told = told[0] if isinstance(told, list) else told
    assert (told["subject"], told["data"]["reason"]) == (record, "account-not-open")
    assert await town.records["documents"].count_documents({}) == 0
    assert (await town.ask("patient", "/me/documents")).status_code == 404


async def _is_read(town: Town, path: str) -> bool:
    return (await town.ask("patient", path)).content == CDA


def _some(find: Callable[[], Awaitable[Sequence[Any]]]) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        return bool(await find())

    return found
