"""Records' stores of documents, rights and traces in memory, the same answers as the real ones; and documents."""

from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import uuid4

import orjson

from services.records.domain.account import AccountState
from services.records.domain.chain import Link
from services.records.domain.contents import Unclaimed
from services.records.domain.documents import Document
from services.records.domain.glance import Glance
from services.records.domain.rights import Right
from services.records.ports import Pending
from shared.contracts.ingest import DocumentReceivedV1, DocumentReceivedV1Data
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit
from shared.sealing import KeyClass, Vault, aad, seal
from shared.sealing.contents import seal_content
from tests.fakes.records import NOON, InMemoryAccounts

CDA: Final = b"<ClinicalDocument xmlns='urn:hl7-org:v3'><title>CANARY</title></ClinicalDocument>"
ID_NAT: Final = "1.2.250.1.71.4.2.1"


class InMemoryDocuments:
    """`DocumentStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Document] = {}

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return the ids that are stored."""
        return set(ids) & self.rows.keys()

    def add(self, documents: Sequence[Document], unit: Unit) -> None:
        """Insert documents when the unit commits."""
        if documents:
            unit.apply(partial(self._insert, documents))

    async def links(self, record: str) -> Sequence[Link]:
        """Return the links of a record's documents."""
        return [document.link for document in self.rows.values() if document.record == record]

    async def find(self, record: str, ids: Collection[str]) -> Mapping[str, Document]:
        """Return documents of a record."""
        found = {name: self.rows[name] for name in ids if name in self.rows}
        return {name: document for name, document in found.items() if document.record == record}

    async def contents(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return which content each document names."""
        return {name: self.rows[name].content for name in ids if name in self.rows}

    def save(self, document: Document, unit: Unit, *, read: Document) -> None:
        """Write a document when the unit commits, if it is at the version it was read at."""
        unit.apply(partial(self._write, document, read))

    async def _insert(self, documents: Sequence[Document], _session: Any) -> None:
        if any(document.id in self.rows for document in documents):
            raise RacedError
        self.rows |= {document.id: document for document in documents}

    async def _write(self, document: Document, read: Document, _session: Any) -> None:
        if self.rows[document.id].version != read.version:
            raise RacedError
        self.rows[document.id] = document


class InMemoryContents:
    """`ContentStore` without a database; ``asked`` tells which boxes were fetched."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.asked: list[str] = []

    async def find(self, content: str) -> bytes | None:
        """Return a box."""
        self.asked.append(content)
        return self.rows.get(content)


class InMemoryUnclaimed:
    """`UnclaimedStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Unclaimed, datetime]] = {}
        self.now = NOON

    def add(self, unclaimed: Sequence[Unclaimed], unit: Unit) -> None:
        """Keep contents when the unit commits."""
        if unclaimed:
            unit.apply(partial(self._insert, unclaimed))

    async def since_before(self, instant: datetime, limit: int) -> Sequence[Unclaimed]:
        """Return the oldest."""
        found = [row for row in self.rows.values() if row[1] < instant]
        return [each for each, _ in sorted(found, key=lambda row: row[1])[:limit]]

    def remove(self, contents: Collection[str], unit: Unit) -> None:
        """Forget contents when the unit commits."""
        if contents:
            unit.apply(partial(self._delete, contents))

    async def _insert(self, unclaimed: Sequence[Unclaimed], _session: Any) -> None:
        for each in unclaimed:
            self.rows.setdefault(each.content, (each, self.now))

    async def _delete(self, contents: Collection[str], _session: Any) -> None:
        for content in contents:
            self.rows.pop(content, None)


class InMemoryContentBin:
    """`ContentBin` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, datetime] = {}

    async def remove(self, contents: Collection[str], *, before: datetime) -> set[str]:
        """Remove what is old enough."""
        for content in contents:
            if content in self.rows and self.rows[content] < before:
                del self.rows[content]
        return set(contents) & self.rows.keys()


class InMemoryRights:
    """`RightStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Right] = {}

    async def find(self, record: str, professionals: Collection[str]) -> Mapping[str, Right]:
        """Return rights of a record."""
        ids = {f"{record}/{professional}" for professional in professionals}
        return {right.professional: right for name, right in self.rows.items() if name in ids}

    async def of_record(self, record: str) -> Sequence[Right]:
        """Return all rights of a record."""
        mine = sorted((right for right in self.rows.values() if right.record == record), key=lambda right: right.id)
        return sorted(mine, key=lambda right: right.since, reverse=True)

    def save(self, right: Right, unit: Unit, *, read: Right | None) -> None:
        """Write a right when the unit commits, if it is as it was read."""
        unit.apply(partial(self._write, right, read))

    async def _write(self, right: Right, read: Right | None, _session: Any) -> None:
        known = self.rows.get(right.id)
        if (known and known.version) != (read and read.version):
            raise RacedError
        self.rows[right.id] = right


@dataclass
class InMemoryGlances:
    """`GlanceStore` on the stores in memory."""

    accounts: InMemoryAccounts
    rights: InMemoryRights
    documents: InMemoryDocuments

    async def some(self, record: str, professional: str | None, *, documents: int = 0) -> Glance:
        """Return a record with some documents."""
        found = [document for document in self.documents.rows.values() if document.record == record]
        return Glance(self._account(record), self._right(record, professional), found[:documents], [])

    async def one(self, record: str, professional: str | None, *, document: str) -> Glance:
        """Return a record with one document and all links."""
        found = await self.documents.find(record, {document})
        links = await self.documents.links(record)
        return Glance(self._account(record), self._right(record, professional), list(found.values()), links)

    def _account(self, record: str) -> AccountState | None:
        account = self.accounts.rows.get(record)
        return None if account is None else account.state

    def _right(self, record: str, professional: str | None) -> Right | None:
        return self.rights.rows.get(f"{record}/{professional}")


class InMemoryTraces:
    """`TraceStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, datetime] = {}
        self.events: dict[str, bytes] = {}
        """Of those that are pending."""

    def add(self, trace: str, at: datetime, unit: Unit) -> None:
        """Keep a trace when the unit commits."""
        unit.apply(partial(self._insert, trace, at))

    async def keep(self, traces: Sequence[Pending]) -> None:
        """Keep pending traces."""
        self.rows |= {each.id: each.at for each in traces}
        self.events |= {each.id: each.event for each in traces}

    async def pending(self, before: datetime, limit: int) -> Sequence[Pending]:
        """Return the oldest pending ones."""
        waiting = [Pending(name, self.rows[name], event) for name, event in self.events.items()]
        return sorted((each for each in waiting if each.at < before), key=lambda each: each.at)[:limit]

    def sent(self, traces: Collection[str], unit: Unit) -> None:
        """End that traces are pending when the unit commits."""
        if traces:
            unit.apply(partial(self._sent, list(traces)))

    def remove(self, traces: Collection[str], unit: Unit) -> None:
        """Forget traces when the unit commits."""
        if traces:
            unit.apply(partial(self._delete, traces))

    async def oldest(self) -> datetime | None:
        """Return since when the oldest waits."""
        return min(self.rows.values(), default=None)

    async def _insert(self, trace: str, at: datetime, _session: Any) -> None:
        self.rows[trace] = at

    async def _sent(self, traces: Collection[str], _session: Any) -> None:
        if not set(traces) <= self.events.keys():
            raise RacedError
        for trace in traces:
            del self.events[trace]

    async def _delete(self, traces: Collection[str], _session: Any) -> None:
        for trace in traces:
            self.rows.pop(trace, None)
            self.events.pop(trace, None)


def entry(**changes: Any) -> dict[str, Any]:
    """Return a document's metadata as ingest writes them; ``author`` is a national id."""
    author = changes.pop("author", "810000000005")
    return {
        "unique_id": "1.2.250.1.999.1^CR-7",
        "type_code": {"code": "11490-0", "system": "2.16.840.1.113883.6.1", "label": "Lettre de liaison"},
        "class_code": "10",
        "format_code": "urn:ihe:iti:xds:2017:mimeTypeSufficient",
        "title": "Lettre de liaison à la sortie",
        "creation_time": "2026-11-03T09:15:00+00:00",
        "confidentiality": ["N"],
        "authors": [
            {
                "identifier": {"root": ID_NAT, "extension": author},
                "family": "MODELE",
                "given": "Maud",
                "device": None,
                "specialty": None,
                "organization": {"identifier": None, "name": "Clinique du Pont"},
            }
        ],
        "service_start": "2026-10-28T09:00:00+00:00",
        "service_stop": None,
        "mime_type": "text/xml",
        "media_type": None,
        "language": "fr-FR",
        "size": len(CDA),
        "sha256": "ab" * 32,
        **changes,
    }


async def documented(
    record: str,
    vault: Vault,
    *,
    document: str | None = None,
    content: str | None = None,
    created: datetime = NOON,
    replaces: Sequence[str] = (),
    depositor: str = "d0" * 16,
    about: Mapping[str, Any] | None = None,
) -> DocumentReceivedV1:
    """Return a document that ingest let through, with its metadata sealed."""
    name = document or uuid4().hex
    key = (await vault.ensure_keys([(record, KeyClass.CONTENT)]))[record, KeyClass.CONTENT]
    text = orjson.dumps({"entry": about or entry(), "depositor": {"kind": "professional", "number": "810000000005"}})
    data = DocumentReceivedV1Data(
        document_id=name,
        content_id=content or uuid4().hex,
        created=created,
        replaces=list(replaces),
        size=len(CDA),
        depositor=depositor,
        sealed=b64encode(seal(key, text, aad(record, name, "document.v1"))).decode(),
    )
    return DocumentReceivedV1.new(source="/ingest", time=NOON, subject=record, data=data)


async def content_box(record: str, content: str, vault: Vault, text: bytes = CDA) -> bytes:
    """Return a document's bytes sealed as ingest seals them."""
    key = (await vault.ensure_keys([(record, KeyClass.CONTENT)]))[record, KeyClass.CONTENT]
    return seal_content(key, text, record=record, content=content)
