"""A trace's way: published, logged, confirmed to records, read by its person, whose reading is the next trace."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aio_pika
import httpx
import orjson
import pytest

from shared.contracts.accesses import AccessTracedV1, AccessV1, ActorV1
from shared.contracts.records import OversightChangedV1, OversightChangedV1Data
from shared.http.server import serving
from shared.identity import blind_index, name_of, parse_ins
from shared.messaging.acts import perform
from shared.messaging.runtime import Runtime
from shared.messaging.topology import RECORDS_LOGGED
from shared.messaging.traces import trace_access
from shared.messaging.unit import Unit
from shared.sealing import KeyClass
from simulator.issuer import create_app, new_key
from tests.fakes.balp import check
from tests.integration.conftest import Installation, Launch, until
from tests.integration.lines import Line, a_line
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration

ALICE = {"value": "255081416802538", "oid": "1.2.250.1.213.1.4.8"}
BRUNO = {"value": "284058832102532", "oid": "1.2.250.1.213.1.4.8"}
DOCTOR = ActorV1(kind="professional", number="899700366240", name="KIT DOC0036624", profession="10")


@pytest.fixture
async def records(installation: Installation) -> AsyncIterator[Runtime]:
    """Open what records stands on: it made the vault's keys, and leaves the trace."""
    async with runtime_of(installation) as runtime:
        yield runtime


async def person(records: Runtime, ins: dict[str, str]) -> str:
    """Return a person's record, with the key that its traces are sealed under."""
    index = blind_index(records.index_key, parse_ins(ins["value"], ins["oid"], production=True))
    record = (await records.vault.ensure_subjects({index}))[index]
    await records.vault.ensure_keys([(record, KeyClass.AUDIT)])
    return record


async def leave_trace(records: Runtime, record: str) -> AccessTracedV1:
    """Leave the trace of a document that a doctor read."""
    event = await trace_access(
        AccessV1(actor=DOCTOR, documents=["d" * 32]),
        record=record,
        action="document-read",
        outcome="permitted",
        rule="authorised",
        service="records",
        time=datetime.now(UTC),
        vault=records.vault,
        index_key=records.index_key,
    )

    async def work(unit: Unit) -> None:
        unit.emit(event)

    await perform(records, work)
    return event


class Patients:
    """People who ask audit for their list."""

    def __init__(self, client: httpx.AsyncClient, issuer: str, audit: str) -> None:
        self._client = client
        self._issuer = issuer
        self._audit = audit

    async def ask(self, ins: dict[str, str], query: str = "") -> httpx.Response:
        """Ask with a token of one's own."""
        wanted = {"kind": "patient", "sub": "p", "ins": ins}
        token = (await self._client.post(f"{self._issuer}/token", json=wanted)).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        return await self._client.get(f"{self._audit}/v1/accesses{query}", headers=headers)

    async def doctor(self, path: str) -> httpx.Response:
        """Ask as the doctor who left the traces."""
        wanted = {"kind": "professional", "sub": "f:carnet:doctor", "professional": {"national_id": DOCTOR.number}}
        token = (await self._client.post(f"{self._issuer}/token", json=wanted)).json()["access_token"]
        return await self._client.get(f"{self._audit}{path}", headers={"authorization": f"Bearer {token}"})

    async def actions(self, ins: dict[str, str]) -> list[str]:
        """Return what was done with one's record, the newest first."""
        return [line["action"] for line in (await self.ask(ins)).json()["accesses"]]

    async def ready(self) -> bool:
        """Tell whether audit answers."""
        try:
            return (await self._client.get(f"{self._audit}/readyz")).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
async def line(installation: Installation) -> AsyncIterator[tuple[Line, str]]:
    """Give a line to the database, and the address of its near end."""
    async with a_line(installation.mongo_url) as given:
        yield given


@pytest.fixture
async def patients(
    launch: Launch, unused_tcp_port_factory: Callable[[], int], line: tuple[Line, str]
) -> AsyncIterator[Patients]:
    """Start audit, both roles, and an issuer; the role that answers has its database at the end of the line."""
    async with (
        serving(create_app(new_key()), "127.0.0.1", 0) as issuer,
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
    ):
        port = unused_tcp_port_factory()  # once the issuer has its own, so that the two are not the same
        doors = {
            "CARNET_JWKS_URL": f"http://127.0.0.1:{issuer}/jwks",
            "CARNET_USERINFO_URL": f"http://127.0.0.1:{issuer}/userinfo",
            "CARNET_HTTP_PORT": str(port),
        }
        await launch("audit", "worker")
        await launch("audit", "api", CARNET_MONGO_URL=line[1], **doors)
        asking = Patients(client, f"http://127.0.0.1:{issuer}", f"http://127.0.0.1:{port}")
        await until(asking.ready, "audit's start")
        yield asking


async def confirmed(installation: Installation) -> list[str]:
    """Return the traces that records was told are in the log."""
    async with await aio_pika.connect(installation.amqp_url("operator")) as connection, asyncio.timeout(30):
        queue = await (await connection.channel()).get_queue(RECORDS_LOGGED.queue, ensure=False)
        async with queue.iterator() as messages:
            told: Any = orjson.loads((await anext(messages)).body)
    return [name for each in (told if isinstance(told, list) else [told]) for name in each["data"]["events"]]


async def test_a_trace_s_way(records: Runtime, patients: Patients, installation: Installation):
    """F57, F58: what a doctor read is in the log, confirmed, and in the patient's list; so is that it was looked at."""
    alice = await person(records, ALICE)
    await person(records, BRUNO)
    trace = await leave_trace(records, alice)
    await records.relay.drain(10)

    assert await confirmed(installation) == [trace.id]
    await until(lambda: _has(patients, ["document-read"]), "the reading in the list")

    (line,) = [each for each in (await patients.ask(ALICE)).json()["accesses"] if each["action"] == "document-read"]
    assert (line["actor"]["name"], line["documents"], line["state"]) == ("KIT DOC0036624", ["d" * 32], "shown")
    await until(lambda: _has(patients, ["accesses-listed", "document-read"]), "the look in the list")

    assert set(await patients.actions(BRUNO)) <= {"accesses-listed"}
    stranger = await patients.ask({**ALICE, "oid": "1.2.250.1.213.1.4.9"})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "record-unavailable")


async def test_a_professional_s_way(records: Runtime, patients: Patients):
    """F59: a doctor finds the own deeds; everybody's once records tells that the person lets him; so in FHIR."""
    alice, bruno = await person(records, ALICE), await person(records, BRUNO)
    for record in (alice, bruno):
        await leave_trace(records, record)
    await records.relay.drain(10)

    async def own() -> bool:
        found = (await patients.doctor("/v1/accesses")).json()
        read = [line["record"] for line in found["accesses"] if line["action"] == "document-read"]
        return bool(found["of"] == "me" and read == [bruno, alice])

    await until(own, "the own deeds in the list")
    assert (await patients.doctor(f"/v1/accesses?record={alice}")).json()["of"] == "me"

    data = OversightChangedV1Data(
        professional=name_of(records.index_key, DOCTOR.number or ""), oversight="attending", version=1
    )

    async def allow(unit: Unit) -> None:
        unit.emit(OversightChangedV1.new(source="/records", time=datetime.now(UTC), subject=alice, data=data))

    await perform(records, allow)
    await records.relay.drain(10)
    await patients.ask(ALICE)

    async def all_of_it() -> bool:
        found = (await patients.doctor(f"/v1/accesses?record={alice}")).json()
        types = {line["actor"]["type"] for line in found["accesses"]}
        return found["of"] == "everybody" and types >= {"PATIENT", "HEALTHCARE_PROFESSIONAL"}

    await until(all_of_it, "everybody's deeds in the list")
    bundle = (await patients.doctor(f"/fhir/AuditEvent?patient={alice}&date=ge2020")).json()
    assert (bundle["resourceType"], len(bundle["entry"]) >= 2) == ("Bundle", True)
    for entry in bundle["entry"]:
        check(entry["resource"])
    refused = (await patients.doctor("/fhir/AuditEvent?patient=255081416802538")).json()
    assert (refused["resourceType"], refused["issue"][0]["code"]) == ("OperationOutcome", "invalid")


async def test_nobody_else_s(records: Runtime, patients: Patients):
    """41, 42: no parameter asks for another's list, and another's cursor leads nowhere."""
    for ins in (ALICE, BRUNO):
        record = await person(records, ins)
        for _ in range(2):
            await leave_trace(records, record)
    await records.relay.drain(10)
    for ins in (ALICE, BRUNO):
        await until(partial(_read_twice, patients, ins), "the readings in the lists")

    own, foreign = [(await patients.ask(ins, "?limit=1")).json()["next"] for ins in (ALICE, BRUNO)]
    assert (await patients.ask(ALICE, f"?cursor={own}")).status_code == 200
    answers = [await patients.ask(ALICE, query) for query in (f"?cursor={foreign}", f"?record={record}", f"/{record}")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (400, "cursor-invalid"),
        (400, "parameter-unknown"),
        (404, "not-found"),
    ]


async def test_database_gone(records: Runtime, patients: Patients, line: tuple[Line, str]):
    """112: without its database audit shows nothing, for no trace of the reading can be kept."""
    await leave_trace(records, await person(records, ALICE))
    await records.relay.drain(10)
    await until(lambda: _has(patients, ["document-read"]), "the reading in the list")

    line[0].cut()
    answer = await patients.ask(ALICE)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "accesses" not in answer.json()


async def _read_twice(patients: Patients, ins: dict[str, str]) -> bool:
    return (await patients.actions(ins)).count("document-read") == 2


async def _has(patients: Patients, actions: list[str]) -> bool:
    return set(actions) <= set(await patients.actions(ALICE))
