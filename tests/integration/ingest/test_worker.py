"""The whole worker on a real broker and database: an insurer publishes, the log and the insurer are answered."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pamqp.encode
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue, AbstractRobustChannel
from bson import encode
from pymongo import AsyncMongoClient

from shared.messaging.amqp import declare
from shared.messaging.cloudevents import BATCH, SINGLE
from shared.messaging.topology import EVENTS, FLOWS, UPSTREAM, Topology, feedback_queue
from tests.fakes.ingest import CPAM, INS, OTHER_INS, REVERSED, line, person, registered, settled

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LINES, PEOPLE = "reimbursement.settled.v1", "beneficiary.registered.v1"
Client = AsyncMongoClient[dict[str, Any]]


@dataclass
class _Installation:
    """A running worker, an insurer's channel, a tap on `events`, and the database."""

    insurer: AbstractChannel
    tap: AbstractQueue
    feedback: AbstractQueue
    client: Client
    suffix: str

    async def publish(self, body: Any, wire_type: str, content_type: str = SINGLE) -> None:
        """Publish as the insurer, vouched for by the broker."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        message = aio_pika.Message(raw, content_type=content_type, user_id=CPAM.user)
        exchange = await self.insurer.get_exchange(UPSTREAM, ensure=False)
        await exchange.publish(message, wire_type)

    async def inbox(self) -> list[dict[str, Any]]:
        """Return every row that was written of an event."""
        return await self.client["ingest" + self.suffix]["inbox"].find().to_list()


@pytest.fixture
async def installation(
    stack: Any, amqp_url: Callable[..., str], vhost: str, mongo_client: Client, tmp_path: Path
) -> AsyncIterator[_Installation]:
    """Start a worker of its own virtual host and databases."""
    suffix = f"_{uuid4().hex[:8]}"
    for name in ("kek", "index"):
        (tmp_path / name).write_bytes(os.urandom(32))
        (tmp_path / name).chmod(0o400)
    environment = {
        **os.environ,
        "CARNET_AMQP_URL": amqp_url("ingest", vhost),
        "CARNET_MONGO_URL": stack.mongo_url,
        "CARNET_DATABASE_SUFFIX": suffix,
        "CARNET_KEYS_DIR": str(tmp_path),
        "CARNET_JWKS_URL": "http://127.0.0.1:9/jwks",
        "CARNET_HTTP_PORT": "0",
        "CARNET_INSURERS_FILE": str(_insurers(tmp_path)),
    }
    service = await aio_pika.connect_robust(amqp_url("operator", vhost))
    insurer = await aio_pika.connect(amqp_url(CPAM.user, vhost))
    channel = await service.channel()
    assert isinstance(channel, AbstractRobustChannel)
    await declare(channel, Topology(FLOWS, insurers=(CPAM.code,)))
    tap = await channel.declare_queue(exclusive=True)
    await tap.bind(EVENTS, "#")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ingest", "worker", cwd=ROOT, env=environment
    )
    feedback = await channel.get_queue(feedback_queue(CPAM.code))
    yield _Installation(await insurer.channel(), tap, feedback, mongo_client, suffix)
    worker.terminate()
    assert await worker.wait() == 0
    await insurer.close()
    await service.close()
    for name in ("ingest", "vault"):
        await mongo_client.drop_database(name + suffix)


def _insurers(folder: Path) -> Path:
    table = folder / "insurers.json"
    fields = ("code", "user", "source", "regime", "name")
    row = {**{name: getattr(CPAM, name) for name in fields}, "caisses": sorted(CPAM.caisses)}
    table.write_text(json.dumps([row]))
    return table


async def _take(queue: AbstractQueue, count: int) -> list[dict[str, Any]]:
    """Take events until there are as many, and show that there are no more."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while len(events) < count:
            message = await queue.get(fail=False)
            if message is None:
                await asyncio.sleep(0.05)
                continue
            await message.ack()
            body = json.loads(message.body)
            events += body if isinstance(body, list) else [body]
    assert len(events) == count
    return events


async def test_an_insurer_is_answered(installation: _Installation):
    """A person and their lines pass, what is bad is refused to the sender and the log, and nothing clear is kept."""
    await installation.publish(registered(), PEOPLE)
    (accepted,) = await _take(installation.tap, 1)
    assert accepted["type"] == "beneficiary.accepted.v1"

    lines = [
        settled(line(line=1)),
        settled(line(line=2, paid=2800)),
        settled(line(line=3, minor_secret=True)),
        settled(line(line=4, ins__value=OTHER_INS)),
        settled(line(line=5), source="/insurers/msa"),
        settled(line(line=6, reverses="F-2026-11/1", **REVERSED)),
    ]
    await installation.publish(lines, LINES, BATCH)
    await installation.publish(b'{"specversion":', LINES)
    await installation.publish(settled(type="care.given.v1"), "care.given.v1")
    await installation.publish(registered(person(traits__sex="M"), id="REG/2"), PEOPLE)

    published = await _take(installation.tap, 7)
    received = [event for event in published if event["type"] == "reimbursement.received.v1"]
    assert {event["subject"] for event in received} == {accepted["subject"]}
    assert received[1]["data"]["reverses"] == received[0]["data"]["line_id"]

    told = await _take(installation.feedback, 5)
    assert {(event["type"], event["data"]["reason"], event["data"].get("refused_id")) for event in told} == {
        ("reimbursement.refused.v1", "amount-inconsistent", "F-2026-11/2"),
        ("reimbursement.refused.v1", "source-foreign", "F-2026-11/5"),
        ("reimbursement.refused.v1", "json-malformed", None),
        ("message.refused.v1", "type-unknown", "F-2026-11/7"),
        ("beneficiary.refused.v1", "traits-mismatch", "REG/2"),
    }

    rows = await installation.inbox()
    assert sorted((row["state"], row.get("reason") or "") for row in rows) == sorted(
        [
            ("done", ""),
            ("done", ""),
            ("done", ""),
            ("ignored", "minor-secret"),
            ("quarantined", "traits-mismatch"),
            ("refused", "amount-inconsistent"),
            ("refused", "json-malformed"),
            ("refused", "source-foreign"),
            ("quarantined", "type-unknown"),
            ("waiting", "ins-unknown"),
        ]
    )
    written = b"".join(map(encode, rows)).upper() + json.dumps(published + told).encode().upper()
    for clear in (INS, OTHER_INS, "LILAS", "EXAMPLE.ORG", "CONSULTATION"):
        assert clear.encode() not in written


async def test_no_properties_stop_the_flow(installation: _Installation, monkeypatch: pytest.MonkeyPatch):
    """A message whose properties are no text is refused to its sender like any other, and the next one passes."""
    with monkeypatch.context() as patched:
        patched.setitem(pamqp.encode.METHODS, "shortstr", _latin)
        await installation.publish(settled(), LINES, "application/\xe9v\xe9nement")
    (refused,) = await _take(installation.feedback, 1)
    assert refused["data"]["reason"] == "content-type"
    await installation.publish(registered(), PEOPLE)
    assert [event["type"] for event in await _take(installation.tap, 2)][-1] == "beneficiary.accepted.v1"


def _latin(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("latin-1")
