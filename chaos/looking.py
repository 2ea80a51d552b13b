"""Reads what is left of a run: with an administrator's eyes, in the databases, and changes nothing."""

from base64 import b64decode
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from chaos.aftermath import Aftermath, End, Reign, Sent, Trace
from chaos.scene import Scene
from chaos.sometimes import reigns
from shared.contracts.accesses import SCHEMA, AccessTracedV1
from shared.messaging.topology import AUDIT_EVENTS, EVENTS, LOGGED
from shared.sealing import Sealed, aad, open_many
from shared.sealing.kek import FileKek
from shared.sealing.mongo_vault import MongoVault
from verifier.leaves import event_name, parse_leaf
from verifier.merkle import EMPTY_ROOT, Frontier, leaf_hash

SERVICES: Final = ("ingest", "records", "notifications", "audit")

INSIDE: Final = (EVENTS, LOGGED)
"""Where services publish to one another; a refusal goes to its insurer too, as the same event."""

_TOGETHER: Final = 500

_NAMES: Final[Mapping[str, str]] = {
    "reimbursement.received.v1": "line_id",
    "document.received.v1": "document_id",
    "beneficiary.accepted.v1": "version",
}
"""What the checker needs of an event's data, by type."""

Row = dict[str, Any]


async def look(scene: Scene, summaries: Mapping[str, Any], stuck: Mapping[str, int]) -> Aftermath:
    """Return what is left. ``summaries`` and ``stuck`` come from whoever waited for quiet."""
    found = Aftermath(summaries=dict(summaries), stuck=dict(stuck))
    traced: list[tuple[str, Row]] = []
    async with AsyncMongoClient[Row](scene.database) as client:
        for service in SERVICES:
            await _rows(client[service], found)
            await _sent(client[service], found, traced)
        await _log(client["audit"], scene.logs, found)
        await _effects(client, found)
        await _traces(client, scene, found, traced)
    return found


async def _rows(database: AsyncDatabase[Row], found: Aftermath) -> None:
    ends: dict[End, End] = {}
    async for row in database["inbox"].find({}, {"state": 1, "reason": 1}, batch_size=10_000):
        queue, _, key = row["_id"].partition("|")
        end = End(row["state"], row.get("reason"))
        found.rows.setdefault(queue, {})[key] = ends.setdefault(end, end)


async def _sent(database: AsyncDatabase[Row], found: Aftermath, traced: list[tuple[str, Row]]) -> None:
    async for row in database["outbox"].find({}, {"exchange": 1, "body": 1}, batch_size=500):
        if row["exchange"] not in INSIDE:
            continue
        for event in _events(row["body"]):
            key = f"{event['source']}|{event['id']}"
            if key in found.sent:
                found.sent_twice.append(key)
            found.sent[key] = _as_sent(row["exchange"], event)
            if event["type"] == AccessTracedV1.TYPE:
                traced.append((key, event))


def _events(body: bytes) -> Iterator[Row]:
    document = orjson.loads(body)
    yield from document if isinstance(document, list) else [document]


def _as_sent(exchange: str, event: Row) -> Sent:
    wire_type, data = event["type"], event["data"]
    if wire_type == "record.updated.v1":
        names: Any = data["lines"] + data["reversals"]
    else:
        names = data.get(_NAMES[wire_type]) if wire_type in _NAMES else None
    return Sent(exchange, wire_type, event.get("causationid"), event.get("subject"), names)


async def _log(database: AsyncDatabase[Row], logs: Path, found: Aftermath) -> None:
    """Read the log once: what is in it, whether its leaves have the root of its head, and who appended.

    A leaf names its event by a hash: what was sent gives the names back.
    """
    head = await database["head"].find_one({"_id": "head"}) or {"size": 0, "root": EMPTY_ROOT, "epoch": 0}
    keys = {event_name(*key.split("|", 1)): key for key in found.sent}
    frontier = Frontier()
    async for row in database["leaves"].find({}, {"leaf": 1}, batch_size=10_000).sort("_id", 1):
        if row["_id"] != frontier.size and found.log_fault is None:
            found.log_fault = f"entry {frontier.size}: it is missing"
        name = parse_leaf(row["leaf"]).event
        found.log[keys.get(name, name.hex())] += 1
        frontier.append(leaf_hash(row["leaf"]))
    if (frontier.size, frontier.root()) != (head["size"], bytes(head["root"])):
        found.log_fault = found.log_fault or f"{frontier.size} entries do not have the root of the head"
    found.reigns = [*reigns(logs), Reign("", head["epoch"] + 1, head["size"])]
    async for book in database["books"].find({"_id.queue": AUDIT_EVENTS.queue}, {"done": 1}):
        found.appended[book["_id"]["process"]] += book.get("done", 0)


async def _effects(client: AsyncMongoClient[Row], found: Aftermath) -> None:
    records, notifications = client["records"], client["notifications"]
    async for row in records["lines"].find({}, {"event": 1}, batch_size=10_000):
        found.lines[row["_id"]] = row["event"]
    async for row in records["documents"].find({}, {"replaces": 1}):
        found.documents[row["_id"]] = tuple(row["replaces"])
    async for row in records["accounts"].find({}, {"registration.version": 1}, batch_size=10_000):
        found.registered[row["_id"]] = row["registration"]["version"]
    async for row in notifications["contacts"].find({}, {"version": 1}, batch_size=10_000):
        found.contacts[row["_id"]] = row["version"]
    if left := await records["traces"].count_documents({}):
        found.stuck["traces that records does not know to be in the log"] = left


async def _traces(client: AsyncMongoClient[Row], scene: Scene, found: Aftermath, traced: list[tuple[str, Row]]) -> None:
    """Open what was traced and is in the log; only the rig, which has the keys, may do so."""
    kek = FileKek.read(scene.keys / "kek")
    shared = MongoVault(client["vault"], kek)
    logged = [event for key, event in traced if found.log[key]]
    async for event, text in _opened(shared, logged):
        if text is None:
            found.traces_unreadable += 1
        else:
            found.traces[_as_trace(event, orjson.loads(text))] += 1


async def _opened(vault: MongoVault, events: list[Row]) -> AsyncIterator[tuple[Row, bytes | None]]:
    for at in range(0, len(events), _TOGETHER):
        part = events[at : at + _TOGETHER]
        boxes = [Sealed(b64decode(event["data"]["sealed"]), _place(event)) for event in part]
        for event, opened in zip(part, await open_many(vault, boxes), strict=True):
            yield event, opened if isinstance(opened, bytes) else None


def _place(event: Row) -> bytes:
    """Return where a trace's box belongs: to its record, or to the service where nobody is known."""
    return aad(event.get("subject") or event["source"].lstrip("/"), event["data"]["trace_id"], SCHEMA)


def _as_trace(event: Row, access: Row) -> Trace:
    data, actor = event["data"], access["actor"]
    named = access.get("documents", [])
    alone = named[0] if len(named) == 1 and not data["action"].endswith("-listed") else None
    return Trace(
        action=data["action"],
        permitted=data["outcome"] == "permitted",
        kind=actor["kind"],
        number=None if actor["kind"] == "patient" else actor.get("number"),
        record=event.get("subject"),
        about=alone or access.get("professional"),
    )
