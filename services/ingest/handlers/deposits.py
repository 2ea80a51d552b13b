"""A document is deposited: read, matched with an open record, sealed, and kept with the news of it in one commit."""

import asyncio
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias
from uuid import uuid4

import orjson

from services.ingest.domain.deposits import Deposit, Depositor, is_known
from services.ingest.domain.documents.ids import depositor_id, digest_of, document_id
from services.ingest.domain.documents.metadata import DocumentEntry, hidden_as_asked, is_hidden_from_the_person
from services.ingest.handlers.refusals import SOURCE
from services.ingest.ports import AccountStore, ContentStore, DepositStore, DocumentReader
from shared.clock import Clock
from shared.contracts.accesses import AccessTracedV1, AccessV1
from shared.contracts.ingest import DocumentReceivedV1, DocumentReceivedV1Data
from shared.errors import RefusedError
from shared.identity import RecordId, blind_index
from shared.messaging.traces import actor_of, trace_access
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, Vault, aad, seal

CONTENT_SCHEMA: Final = "cda.v1"
"""The bytes as deposited."""

DOCUMENT_SCHEMA: Final = "document.v1"
"""JSON: ``entry``, a `DocumentEntry` by its names, and ``depositor``, an `ActorV1`."""

NOBODY: Final = "0" * 32
"""Looked up where an INS is unknown, so that it takes the same work as a known one."""

_SERVICE: Final = "ingest"

_BY_THE_WAY: Final = 128 * 1024
"""Bytes that are sealed in less time than it takes to hand them to a thread (77 kB: 42 µs against 145)."""


@dataclass(frozen=True, slots=True)
class Intake:
    """The stores and secrets behind deposits."""

    deposits: DepositStore
    contents: ContentStore
    accounts: AccountStore
    reader: DocumentReader
    vault: Vault
    index_key: bytes = field(repr=False)
    clock: Clock
    combined: bool = False
    """Whether a document may be hidden from its patient and from professionals at once (F36)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that broke no rule, and whose it would be."""

    body: bytes = field(repr=False)
    entry: DocumentEntry
    by: Depositor
    record: RecordId | None
    """None: nobody is known by this INS."""
    document: str
    digest: str
    software: str | None = None
    """What the depositor's software calls itself."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A deposit that is not taken: ``record-unavailable`` or ``document-conflict``."""

    code: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A deposit that stands; ``again``: it stood before."""

    deposit: Deposit
    again: bool


Outcome: TypeAlias = Taken | Refused


async def examine(
    body: bytes, hidings: Collection[str], by: Depositor, *, intake: Intake, software: str | None = None
) -> Candidate:
    """Read a document and look its person up; raise `RefusedError` for a rule that it breaks (F27, F28, F36)."""
    entry = hidden_as_asked(await intake.reader.read(body), hidings, combined=intake.combined)
    index = blind_index(intake.index_key, entry.patient)
    return Candidate(
        body=body,
        entry=entry,
        by=by,
        record=(await intake.vault.find_subjects({index})).get(index),
        document=document_id(intake.index_key, entry.unique_id),
        digest=digest_of(intake.index_key, entry),
        software=software,
    )


async def deposit(candidate: Candidate, unit: Unit, *, intake: Intake) -> Outcome:
    """Write down the deposit of a document, its sealed bytes, the news of it and its trace (F25, F26).

    A deposit that stands already is answered and nothing is written; one that is refused is traced.
    """
    now = _moment(intake.clock)
    record = candidate.record or NOBODY
    owner = (record, KeyClass.CONTENT)
    accounts, found, _ = await asyncio.gather(
        intake.accounts.find({record}),
        intake.deposits.find({candidate.document}),
        intake.vault.find_keys({owner, (record, KeyClass.AUDIT)}),  # for the vault to have them at hand
    )
    known = found.get(candidate.document)
    try:
        again = is_known(known, accounts.get(record), candidate.digest)
    except RefusedError as refusal:
        unit.emit(await _trace(candidate, intake, now, denied=refusal.code))
        return Refused(refusal.code, refusal.field)
    if known is not None and again:
        return Taken(known, again=True)
    key = (await intake.vault.ensure_keys({owner}))[owner]
    made = Deposit(
        document=candidate.document,
        content=uuid4().hex,
        record=record,
        depositor=depositor_id(intake.index_key, candidate.by.national_id),
        digest=candidate.digest,
        received=now,
    )
    intake.contents.add(made.content, record, await _sealed(candidate.body, made, key), unit)
    intake.deposits.save([made], unit, read=found)
    unit.emit(_received(candidate, made, key, intake))
    unit.emit(await _trace(candidate, intake, now))
    return Taken(made, again=False)


async def _sealed(body: bytes, made: Deposit, key: Key) -> bytes:
    """Seal a document's bytes, large ones beside the loop: the cipher lets others work meanwhile."""
    place = aad(made.record, made.content, CONTENT_SCHEMA)
    if len(body) <= _BY_THE_WAY:
        return seal(key, body, place)
    return await asyncio.to_thread(seal, key, body, place)


def _received(candidate: Candidate, made: Deposit, key: Key, intake: Intake) -> DocumentReceivedV1:
    entry = candidate.entry
    metadata = orjson.dumps({"entry": entry, "depositor": actor_of(candidate.by).model_dump(exclude_none=True)})
    box = seal(key, metadata, aad(made.record, made.document, DOCUMENT_SCHEMA))
    data = DocumentReceivedV1Data(
        document_id=made.document,
        content_id=made.content,
        created=entry.creation_time,
        replaces=list(dict.fromkeys(document_id(intake.index_key, target) for target in entry.replaces)),
        size=entry.size,
        depositor=made.depositor,
        sealed=b64encode(box).decode(),
    )
    return DocumentReceivedV1.new(source=SOURCE, time=made.received, subject=made.record, data=data)


async def _trace(candidate: Candidate, intake: Intake, now: datetime, *, denied: str | None = None) -> AccessTracedV1:
    named = [candidate.document]
    hidden = named if is_hidden_from_the_person(candidate.entry) else []
    access = AccessV1(actor=actor_of(candidate.by), documents=named, hidden=hidden, software=candidate.software)
    return await trace_access(
        access,
        record=candidate.record,
        action="document-deposited",
        outcome="denied" if denied else "permitted",
        rule=denied or "open-record",
        service=_SERVICE,
        time=now,
        vault=intake.vault,
    )


def _moment(clock: Clock) -> datetime:
    """Return the present to the millisecond, as it is kept: an answer given again is the same to the letter."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
