"""Ingest as processes, an issuer of tokens, and whoever answers for records: what the tests of deposits share."""

import asyncio
import json
import os
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import httpx
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel

from deploy.local.users import INSURERS_FILE
from deploy.local.users import insurers as insurers_table
from deploy.local.vhosts import create_vhost, delete_vhost, load_topology
from services.ingest.domain.documents.ids import document_id
from shared.clock import SystemClock, paris_date
from shared.contracts.event import Event
from shared.contracts.ingest import DocumentReceivedV1
from shared.contracts.records import (
    AccountOpenedV1,
    AccountOpenedV1Data,
    AccountOpposedV1,
    AccountOpposedV1Data,
    DocumentRefusedV1,
    DocumentRefusedV1Data,
    DocumentStoredV1,
    DocumentStoredV1Data,
)
from shared.http.server import serving
from shared.identity import blind_index, parse_ins
from shared.messaging.cloudevents import SINGLE
from shared.messaging.topology import EVENTS
from shared.mongo import stated
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault
from simulator.insurer import Tally, insurers, publish_all
from simulator.issuer import create_app, new_key
from simulator.population import people
from simulator.publications import Season
from tests.fakes.documents import INS, TEST_OID
from tests.integration.conftest import ROOT, Installation, until

LOOPBACK = "127.0.0.1"
XML = {"content-type": "application/xml"}


@dataclass
class Records:
    """Answers for records, on the same exchange: at once, as it is told, or not at all."""

    channel: AbstractRobustChannel
    answer: str | None = "stored"
    """``stored``, a reason to refuse, or None for silence."""
    received: list[DocumentReceivedV1] = field(default_factory=list)

    async def listen(self) -> None:
        """Take what ingest publishes of documents."""
        queue = await self.channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, DocumentReceivedV1.TYPE)
        await queue.consume(self._on_message)

    async def _on_message(self, message: AbstractIncomingMessage) -> None:
        async with message.process():
            body = json.loads(message.body)
            for document in body if isinstance(body, list) else [body]:
                event = DocumentReceivedV1.model_validate(document)
                self.received.append(event)
                if self.answer is not None:
                    await self.tell(event)

    async def tell(self, event: DocumentReceivedV1) -> None:
        """Say what became of a document."""
        about = {"source": "/records", "time": SystemClock().now(), "cause": event}
        document = event.data.document_id
        if self.answer in (None, "stored"):
            stored = DocumentStoredV1Data(document_id=document)
            await self.publish(DocumentStoredV1.new(**about, data=stored))  # type: ignore[arg-type]
        else:
            refused = DocumentRefusedV1Data(document_id=document, reason=str(self.answer))
            await self.publish(DocumentRefusedV1.new(**about, data=refused))  # type: ignore[arg-type]

    async def publish(self, event: Event) -> None:
        """Publish as records."""
        exchange = await self.channel.get_exchange(EVENTS, ensure=False)
        await exchange.publish(aio_pika.Message(event.to_json(), content_type=SINGLE), event.type)


@dataclass
class Clinic:
    """What a test of deposits has at hand."""

    installation: Installation
    mongo: Any
    url: str
    issuer: str
    records: Records
    client: httpx.AsyncClient
    processes: dict[str, Process] = field(default_factory=dict)

    async def launch(self, service: str, role: str) -> None:
        """Start a role as a process."""
        settings = {
            "CARNET_INSURERS_FILE": str(INSURERS_FILE),
            "CARNET_JWKS_URL": f"{self.issuer}/jwks",
            "CARNET_USERINFO_URL": f"{self.issuer}/userinfo",
            "CARNET_HTTP_PORT": self.url.rpartition(":")[2] if role == "api" else "0",
            "CARNET_LOG_LEVEL": "WARNING",
        }
        environment = self.installation.environment(service, **settings)
        command = self.installation.command(service, role)
        started = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
        self.processes[f"{service}.{role}"] = started

    async def is_ready(self) -> bool:
        """Tell whether the api is ready."""
        try:
            return (await self.client.get(f"{self.url}/readyz")).is_success
        except httpx.TransportError:
            return False

    async def token(self, kind: str = "machine", **more: Any) -> str:
        """Return an access token of the development issuer."""
        own = {"structure": {"id": "1750000006", "name": "Clinique du Pont"}} if kind == "machine" else {}
        wanted = {"kind": kind, "sub": f"{kind}-1", **own, **more}
        answer = await self.client.post(f"{self.issuer}/token", json=wanted)
        return str(answer.raise_for_status().json()["access_token"])

    async def headers(self, **more: str) -> dict[str, str]:
        """Return the headers of a deposit."""
        return {**XML, "authorization": f"Bearer {await self.token()}", **more}

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Deposit a document."""
        return await self.client.post(f"{self.url}/v1/documents", content=body, headers=await self.headers(**headers))

    def database(self, name: str) -> Any:
        """Return one of the installation's databases."""
        return stated(self.mongo[name + self.installation.suffix])

    @property
    def vault(self) -> MongoVault:
        """The vault, with the installation's key."""
        return MongoVault(self.database("vault"), FileKek.read(self.installation.keys / "kek"))

    @property
    def index_key(self) -> bytes:
        """What opaque names are made with."""
        return (self.installation.keys / "index").read_bytes()

    def id_of(self, unique_id: str) -> str:
        """Return the id of a document."""
        return document_id(self.index_key, unique_id)

    async def record_of(self, number: str = INS, oid: str = TEST_OID) -> str:
        """Return a person's record id, made if need be."""
        index = blind_index(self.index_key, parse_ins(number, oid, production=False))
        return str((await self.vault.ensure_subjects({index}))[index])

    async def rows(self, database: str, collection: str, *ids: str) -> list[dict[str, Any]]:
        """Return rows of a collection, all or those of some ids."""
        query = {"_id": {"$in": list(ids)}} if ids else {}
        found: list[dict[str, Any]] = await self.database(database)[collection].find(query).to_list()
        return found

    async def open(self, number: str = INS, oid: str = TEST_OID) -> str:
        """Tell ingest that a person's record is open; return the record id."""
        record = await self.record_of(number, oid)
        self.records.answer = "stored"
        data = AccountOpenedV1Data(cause="deadline", version=2)
        await self.records.publish(
            AccountOpenedV1.new(source="/records", time=SystemClock().now(), subject=record, data=data)
        )
        accounts = self.database("ingest")["accounts"]

        async def followed() -> bool:
            return await accounts.find_one({"_id": record, "open": True}) is not None

        await until(followed, "the opening")
        return record

    async def register(self, *numbers: tuple[str, str]) -> None:
        """Let insurers register people by number and OID, whose DMP is older than automatic opening (F03).

        Records opens their records, so its worker has to run; wait until ingest knows.
        """
        now = SystemClock().now()
        season = Season(now.isoformat(), paris_date(now))
        chosen = [
            replace(person, ins=value, oid=oid, dmp_created_on=date(2019, 5, 2), birth_date=date(1979, 3, 14))
            for person, (value, oid) in zip(people(1, len(numbers)), numbers, strict=True)
        ]
        users = {str(each["code"]): str(each["user"]) for each in insurers_table()}
        async with insurers(users, self.installation.amqp_url, Tally()) as senders:
            await publish_all(senders, [season.registration(person) for person in chosen])
        accounts = self.database("ingest")["accounts"]

        async def followed() -> bool:
            return bool(await accounts.count_documents({"open": True}) >= len(numbers))

        await until(followed, "the openings")

    async def oppose(self, record: str) -> None:
        """Tell ingest that a person opposes."""
        data = AccountOpposedV1Data(channel="online", version=3)
        await self.records.publish(
            AccountOpposedV1.new(source="/records", time=SystemClock().now(), subject=record, data=data)
        )
        accounts = self.database("ingest")["accounts"]

        async def followed() -> bool:
            return await accounts.find_one({"_id": record, "open": False}) is not None

        await until(followed, "the opposition")


@asynccontextmanager
async def open_clinic(stack: Any, amqp_url: Callable[..., str], mongo: Any, folder: Path) -> AsyncIterator[Clinic]:
    """Start ingest's api and worker and an issuer; whoever asks answers for records, or starts its worker."""
    port, vhost, suffix = free_port(), f"test-{uuid4().hex[:12]}", f"_{uuid4().hex[:8]}"
    for name in ("kek", "index"):
        (folder / name).write_bytes(os.urandom(32))
        (folder / name).chmod(0o400)
    installation = Installation(suffix, folder, stack.mongo_url, lambda user: amqp_url(user, vhost))
    create_vhost(stack, vhost)
    load_topology(stack, vhost)
    async with (
        serving(create_app(new_key()), LOOPBACK, 0) as issuing,
        await aio_pika.connect_robust(installation.amqp_url("operator")) as connection,
        httpx.AsyncClient(timeout=30, trust_env=False) as client,
    ):
        issuer = f"http://{LOOPBACK}:{issuing}"
        channel = await connection.channel()
        assert isinstance(channel, AbstractRobustChannel)
        records = Records(channel)
        await records.listen()
        clinic = Clinic(installation, mongo, f"http://{LOOPBACK}:{port}", issuer, records, client)
        try:
            await clinic.launch("ingest", "worker")
            await clinic.launch("ingest", "api")
            await until(clinic.is_ready, "the api")
            yield clinic
        finally:
            for process in clinic.processes.values():
                if process.returncode is None:
                    process.kill()
                await process.wait()
    for name in ("ingest", "records", "vault", "contents"):
        await mongo.drop_database(name + suffix)
    delete_vhost(stack, vhost)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


async def raw(clinic: Clinic, content: bytes, *, hang_up: bool = False) -> bytes:
    """Send bytes as they are and return what comes back before the connection ends."""
    host, port = clinic.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(content)
        if hang_up:
            writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
