"""What every role of a service stands on: database, inbox, outbox, publisher, secrets, identity of the process."""

import asyncio
import hmac
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Final

import structlog
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from shared.clock import Clock
from shared.errors import CarnetError
from shared.messaging import instants
from shared.messaging.amqp import AmqpPublisher, address
from shared.messaging.mongo_inbox import MongoInbox
from shared.messaging.mongo_outbox import MongoOutbox
from shared.messaging.relay import Relay
from shared.messaging.topology import FLOWS, Topology
from shared.mongo import Document, stated
from shared.sealing.kek import FileKek, read_secret
from shared.sealing.mongo_vault import MongoVault
from shared.security import require_safe
from shared.settings import ServiceSettings

CLOSING_S: Final = 5.0
"""How long a broker or database may take to say goodbye."""

LONGEST_TRANSACTION_S: Final = 5
"""A killed worker's locks hold up its successor for at most so long (rule 3)."""


log = structlog.get_logger()


class UnfitDatabaseError(CarnetError):
    """The database is not set up as Carnet needs it; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The open connections and the secrets of one process."""

    service: str
    process: str
    settings: ServiceSettings
    client: AsyncMongoClient[Document]
    database: AsyncDatabase[Document]
    inbox: MongoInbox
    outbox: MongoOutbox
    publisher: AmqpPublisher
    relay: Relay
    vault: MongoVault
    index_key: bytes
    """Keys the blind index of INS numbers and whatever else must be opaque and stable."""
    clock: Clock

    @property
    def digest_key(self) -> bytes:
        """Keys the digests of the inbox."""
        return hmac.digest(self.index_key, b"carnet/inbox", "sha256")


@asynccontextmanager
async def open_runtime(service: str, settings: ServiceSettings) -> AsyncIterator[Runtime]:
    """Connect to broker and database, declare and index what is missing, and close everything at the end.

    Raise `UnsafeError` before anything is connected if the settings are not fit for real data.
    """
    require_safe(settings)
    process = f"{service}.{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
    structlog.contextvars.bind_contextvars(process=process)
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        settings.mongo_url.get_secret_value(), appname=process, serverSelectionTimeoutMS=5_000, tz_aware=True
    )
    publisher = AmqpPublisher(
        address(settings.amqp_url.get_secret_value(), f"{process}-publish", settings.heartbeat),
        Topology(FLOWS, insurers=settings.insurers()),
        service,
    )
    try:
        await _check(client)
        database = stated(client[service + settings.database_suffix])
        inbox, outbox = MongoInbox(client, database, process), MongoOutbox(database)
        vault = MongoVault(stated(client["vault" + settings.database_suffix]), FileKek.read(settings.keys_dir / "kek"))
        for prepared in (inbox, outbox, vault):
            await prepared.prepare()
        await publisher.start()
        await outbox.beat(process)
        yield Runtime(
            service=service,
            process=process,
            settings=settings,
            client=client,
            database=database,
            inbox=inbox,
            outbox=outbox,
            publisher=publisher,
            relay=Relay(outbox, publisher, process),
            vault=vault,
            index_key=read_secret(settings.keys_dir / "index"),
            clock=settings.clock(),
        )
    finally:
        await _at_most(publisher.stop)
        await _at_most(client.close)


async def _at_most(close: Callable[[], Awaitable[None]], seconds: float = CLOSING_S) -> None:
    """Close a connection, or leave it to the end of the process: a peer that does not answer holds up nobody."""
    try:
        async with asyncio.timeout(seconds):
            await close()
    except TimeoutError:
        log.warning("connection_left_open", place=close.__qualname__)


async def _check(client: AsyncMongoClient[Document]) -> None:
    """Refuse a database without transactions, or one where a dead worker would block redelivery for a minute."""
    hello = await client.admin.command("hello")
    instants.follow(hello["localTime"].replace(tzinfo=UTC))
    if "setName" not in hello:
        raise UnfitDatabaseError("MongoDB must run as a replica set: start mongod with --replSet")
    limit = await client.admin.command({"getParameter": 1, "transactionLifetimeLimitSeconds": 1})
    if limit["transactionLifetimeLimitSeconds"] > LONGEST_TRANSACTION_S:
        raise UnfitDatabaseError(
            f"start mongod with --setParameter transactionLifetimeLimitSeconds={LONGEST_TRANSACTION_S}"
        )
