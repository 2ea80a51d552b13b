"""People who read all the while: what each asked for, what was answered, and so what must be in the log."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any, Final
from uuid import UUID

import httpx

from chaos.workload.crowd import Patient
from chaos.workload.people import Visitor

PAUSE_S: Final = 0.25
"""Between two requests of one reader."""

_AGAIN_S: Final = 1.0


@dataclass(slots=True)
class Shelf:
    """What is known of one patient's record: its id, and the documents that were deposited, with their digests."""

    patient: Patient
    record: str | None = None
    authorised: bool = False
    deposited: dict[str, str] = field(default_factory=dict)
    """SHA-256 by document id, of those that are certainly in the record."""


async def read_on(visitor: Visitor, shelves: Sequence[Shelf], dice: Random, stop: asyncio.Event) -> None:
    """Read what a patient or a doctor may, and what nobody may, until told to stop."""
    while not stop.is_set():
        shelf = dice.choice(shelves)
        if shelf.record is None:
            await find(visitor, shelf)
        elif not shelf.authorised:
            await _authorise(visitor, shelf)
        else:
            await _one(visitor, shelf, shelf.record, dice)
        await asyncio.sleep(PAUSE_S if shelf.authorised else _AGAIN_S)


async def _one(visitor: Visitor, shelf: Shelf, record: str, dice: Random) -> None:
    kind = dice.random()
    document = dice.choice(list(shelf.deposited)) if shelf.deposited else None
    if kind < 0.5 and document is not None:
        await read(visitor, record, "document-read", document, digest=shelf.deposited[document])
    elif kind < 0.6 and document is not None:
        await read(visitor, record, "document-described", document)
    elif kind < 0.85:
        # Nobody has ever heard of this document, so its trace can be mistaken for no other.
        await read(visitor, record, "document-read", UUID(int=dice.getrandbits(128)).hex)
    elif kind < 0.95:
        await read(visitor, record, "documents-listed")
    else:
        await read(visitor, record, "reimbursements-listed")


_PATHS: Final = {
    "documents-listed": "/documents?limit=100&status=all",
    "reimbursements-listed": "/reimbursements",
    "document-described": "/documents/{document}",
    "document-read": "/documents/{document}/content",
}


async def read(
    visitor: Visitor,
    record: str,
    action: str,
    document: str | None = None,
    *,
    digest: str | None = None,
    final: bool = False,
) -> None:
    """Read something of a record; ``digest`` is what the bytes must have; a final list says how documents stand."""
    path = f"/v1/records/{record}" + _PATHS[action].format(document=document)
    asked = {"action": action, "record": record, "document": document, **_who(visitor)}
    with visitor.history.operation(visitor.name, "read", **asked) as operation:
        answer = await visitor.ask(operation, "records", "GET", path)
        if answer is None:
            return
        facts: dict[str, Any] = {"status": answer.status_code}
        if final and answer.is_success:
            facts["statuses"] = {each["id"]: each["status"] for each in answer.json()["documents"]}
        if digest is not None and answer.is_success:
            facts["intact"] = sha256(answer.content).hexdigest() == digest
        _end(operation, facts)


async def find(visitor: Visitor, shelf: Shelf) -> None:
    """Find the record; it is there once the registration has come through."""
    person = shelf.patient.person
    with visitor.history.operation(visitor.name, "find", action="record-searched", **_who(visitor)) as operation:
        body = {"ins": {"value": person.ins, "oid": person.oid}}
        answer = await visitor.ask(operation, "records", "POST", "/v1/records/search", json=body)
        if answer is None:
            return
        found = answer.json().get("record") if answer.is_success else None
        _end(operation, {"status": answer.status_code, "record": found})
        shelf.record = found


async def _authorise(visitor: Visitor, shelf: Shelf) -> None:
    """Let the patient's doctor in; only the patient does so."""
    if visitor.kind != "patient":
        return
    doctor = shelf.patient.doctor.number
    asked = {"action": "professional-authorised", "record": shelf.record, "professional": doctor, **_who(visitor)}
    with visitor.history.operation(visitor.name, "authorise", **asked) as operation:
        path = f"/v1/records/{shelf.record}/professionals/{doctor}"
        answer = await visitor.ask(operation, "records", "PUT", path, json={"status": "authorised"})
        if answer is not None:
            _end(operation, {"status": answer.status_code})
            shelf.authorised = bool(answer.is_success)


def _who(visitor: Visitor) -> dict[str, Any]:
    return {"kind": visitor.kind, "number": visitor.number}


def _end(operation: Any, facts: dict[str, Any]) -> None:
    """What was answered, a denial included, must be in the log; after a 5xx or 4xx of another kind nobody knows."""
    if facts["status"] < 300 or facts["status"] == httpx.codes.NOT_FOUND:
        operation.ok(**facts)
    else:
        operation.unknown(**facts)
