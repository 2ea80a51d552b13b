"""A clinical document that ingest let through: it enters a record that is open at the commit."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime

from services.records.domain.account import why_unfed
from services.records.domain.contents import Unclaimed
from services.records.domain.documents import Document
from services.records.handlers.telling import SOURCE
from services.records.ports import AccountStore, DocumentStore, UnclaimedStore
from shared.clock import Clock
from shared.contracts.ingest import DocumentReceivedV1
from shared.contracts.records import (
    DocumentRefusedV1,
    DocumentRefusedV1Data,
    DocumentStoredV1,
    DocumentStoredV1Data,
)
from shared.messaging.unit import Unit


async def store_documents(
    events: Sequence[DocumentReceivedV1],
    unit: Unit,
    *,
    accounts: AccountStore,
    documents: DocumentStore,
    unclaimed: UnclaimedStore,
    clock: Clock,
) -> None:
    """Add documents to open records, and tell of each whether it was stored (F03, F25).

    The bytes of one that is refused are noted, for somebody to remove them.

    The commit writes the accounts' rows too: whoever opposes or closes at the same time wins or comes later, and
    nothing is stored in a record that is not open any more.
    """
    now = clock.now()
    states = await accounts.states({event.subject for event in events})
    known = await documents.known({event.data.document_id for event in events})
    fresh: dict[str, DocumentReceivedV1] = {}
    refusals: list[Unclaimed] = []
    for event in events:
        state = states.get(event.subject)
        if state is None:
            unit.wait(event, "account-unknown")
        elif reason := why_unfed(state):
            unit.ignore(event, reason)
            refused = DocumentRefusedV1Data(document_id=event.data.document_id, reason=reason)
            unit.emit(DocumentRefusedV1.new(source=SOURCE, time=now, data=refused, cause=event))
            refusals.append(Unclaimed(event.data.content_id, event.data.document_id))
        elif event.data.document_id in known or event.data.document_id in fresh:
            unit.ignore(event, "document-known")
        else:
            fresh[event.data.document_id] = event
    unclaimed.add(refusals, unit)
    _store(list(fresh.values()), unit, now, accounts, documents)


def _store(
    events: Sequence[DocumentReceivedV1], unit: Unit, now: datetime, accounts: AccountStore, documents: DocumentStore
) -> None:
    accounts.hold({event.subject for event in events}, unit)
    documents.add([_document(event, now) for event in events], unit)
    for event in events:
        stored = DocumentStoredV1Data(document_id=event.data.document_id)
        unit.emit(DocumentStoredV1.new(source=SOURCE, time=now, data=stored, cause=event))


def _document(event: DocumentReceivedV1, now: datetime) -> Document:
    data = event.data
    return Document(
        id=data.document_id,
        record=event.subject,
        content=data.content_id,
        created=_to_the_millisecond(data.created),
        replaces=tuple(data.replaces),
        size=data.size,
        depositor=data.depositor,
        stored=_to_the_millisecond(now),
        event=event.id,
        box=b64decode(data.sealed, validate=True),
    )


def _to_the_millisecond(instant: datetime) -> datetime:
    """Return an instant as the database keeps it."""
    return instant.replace(microsecond=instant.microsecond // 1_000 * 1_000)
