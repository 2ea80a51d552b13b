"""A document is deposited: read, matched with an open record, sealed, and kept with the news of it in one commit."""

import asyncio
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias
from uuid import uuid4

import orjson

from services.ingest.domain.accounts import Account
from services.ingest.domain.deposits import Deposit, Depositor, is_known
from services.ingest.domain.documents.ids import digest_of, document_id
from services.ingest.domain.documents.metadata import DocumentEntry, hidden_as_asked, is_hidden_from_the_person
from services.ingest.handlers.refusals import SOURCE
from services.ingest.ports import AccountStore, ContentStore, DepositStore, DocumentReader
from shared.clock import Clock
from shared.contracts.accesses import AccessTracedV1, AccessV1
from shared.contracts.ingest import DocumentReceivedV1, DocumentReceivedV1Data
from shared.errors import RefusedError
from shared.identity import RecordId, blind_index, name_of
from shared.messaging.traces import actor_of, trace_access
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, Owner, Vault, aad, seal
from shared.sealing.contents import seal_content

DOCUMENT_SCHEMA: Final = "document.v1"
"""JSON: ``entry``, a `DocumentEntry` by its names, and ``depositor``, an `ActorV1`."""

NOBODY: Final = "0" * 32
"""Looked up where an INS is unknown, so that it takes the same work as a known one."""

_SERVICE: Final = "ingest"

_BY_THE_WAY: Final = 128 * 1024
"""Bytes that are packed and sealed in about the time it takes to hand them to a thread (145 µs)."""


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
    index: str
    """The blind index of the INS."""
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
    """Read a document; raise `RefusedError` for a rule that it breaks (F27, F28, F36)."""
    entry = hidden_as_asked(await intake.reader.read(body), hidings, combined=intake.combined)
    return Candidate(
        body=body,
        entry=entry,
        by=by,
        index=blind_index(intake.index_key, entry.patient),
        document=document_id(intake.index_key, entry.unique_id),
        digest=digest_of(intake.index_key, entry),
        software=software,
    )


async def deposit(candidates: Sequence[Candidate], unit: Unit, *, intake: Intake) -> list[Outcome]:
    """Write down the deposits of documents, their sealed bytes, the news of them and their traces (F25, F26).

    A deposit that stands already, or is made by a former one of these, is answered and nothing is written; one that is
    refused is traced.
    """
    now = _moment(intake.clock)
    subjects = await intake.vault.find_subjects({each.index for each in candidates})
    accounts, found = await _look_up(candidates, subjects, intake)
    standing, outcomes, fresh = dict(found), list[Outcome](), list[tuple[Candidate, Deposit]]()
    for each in candidates:
        record = subjects.get(each.index)
        outcome = _decided(each, standing.get(each.document), accounts.get(record or NOBODY), intake, now)
        if isinstance(outcome, Refused):
            unit.emit(await _trace(each, record, intake, now, denied=outcome.code))
        elif not outcome.again:
            standing[each.document] = outcome.deposit
            fresh.append((each, outcome.deposit))
        outcomes.append(outcome)
    intake.deposits.save([made for _, made in fresh], unit, read=found)
    await _keep(fresh, unit, intake)
    return outcomes


async def _look_up(
    candidates: Sequence[Candidate], subjects: Mapping[str, RecordId], intake: Intake
) -> tuple[Mapping[str, Account], Mapping[str, Deposit]]:
    """Return what is known of the records and of the documents; who is unknown takes the same work."""
    records = {subjects.get(each.index, NOBODY) for each in candidates}
    accounts, found, _ = await asyncio.gather(
        intake.accounts.find(records),
        intake.deposits.find({each.document for each in candidates}),
        intake.vault.find_keys(_owners(records)),  # for the vault to have them at hand
    )
    return accounts, found


def _decided(
    candidate: Candidate, known: Deposit | None, account: Account | None, intake: Intake, now: datetime
) -> Outcome:
    try:
        again = is_known(known, account, candidate.digest)
    except RefusedError as refusal:
        return Refused(refusal.code, refusal.field)
    if known is not None and again:
        return Taken(known, again=True)
    assert account is not None  # noqa: S101 - otherwise it was refused
    made = Deposit(
        document=candidate.document,
        content=uuid4().hex,
        record=account.record,
        depositor=name_of(intake.index_key, candidate.by.national_id),
        digest=candidate.digest,
        received=now,
    )
    return Taken(made, again=False)


async def _keep(fresh: Sequence[tuple[Candidate, Deposit]], unit: Unit, intake: Intake) -> None:
    """Write down the bytes, the news and the traces of deposits that are made now."""
    keys = await intake.vault.ensure_keys(_owners({made.record for _, made in fresh}))
    for candidate, made in fresh:
        key = keys[made.record, KeyClass.CONTENT]
        intake.contents.add(made.content, made.record, await _sealed(candidate.body, made, key), unit)
        unit.emit(_received(candidate, made, key, intake))
        unit.emit(await _trace(candidate, made.record, intake, made.received))


def _owners(records: Collection[str]) -> set[Owner]:
    return {(record, name) for record in records for name in (KeyClass.CONTENT, KeyClass.AUDIT)}


async def _sealed(body: bytes, made: Deposit, key: Key) -> bytes:
    """Pack and seal a document's bytes, large ones beside the loop: either lets others work meanwhile."""
    work = partial(seal_content, key, body, record=made.record, content=made.content)
    return work() if len(body) <= _BY_THE_WAY else await asyncio.to_thread(work)


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


async def _trace(
    candidate: Candidate, record: str | None, intake: Intake, now: datetime, *, denied: str | None = None
) -> AccessTracedV1:
    named = [candidate.document]
    hidden = named if is_hidden_from_the_person(candidate.entry) else []
    access = AccessV1(actor=actor_of(candidate.by), documents=named, hidden=hidden, software=candidate.software)
    return await trace_access(
        access,
        record=record,
        action="document-deposited",
        outcome="denied" if denied else "permitted",
        rule=denied or "open-record",
        service=_SERVICE,
        time=now,
        vault=intake.vault,
        index_key=intake.index_key,
    )


def _moment(clock: Clock) -> datetime:
    """Return the present to the millisecond, as it is kept: an answer given again is the same to the letter."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
