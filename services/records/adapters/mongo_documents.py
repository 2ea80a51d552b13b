"""Documents in MongoDB: {_id: document id, record, content, created, replaces, …, box, masked, version}."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from bson.binary import Binary
from pymongo import ASCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.records.domain.chain import Link
from services.records.domain.documents import Document
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document as Row


class MongoDocuments:
    """`DocumentStore` on a collection."""

    def __init__(self, database: AsyncDatabase[Row]) -> None:
        self._documents = database["documents"]

    async def prepare(self) -> None:
        """Create the index that finds a record's documents."""
        await self._documents.create_index([("record", ASCENDING)])

    async def known(self, ids: Collection[str]) -> set[str]:
        """See `DocumentStore.known`: answered from the index on ``_id``."""
        rows = self._documents.find({"_id": {"$in": list(ids)}}, {"_id": 1}, batch_size=len(ids) + 1)
        return {row["_id"] for row in await rows.to_list()}

    def add(self, documents: Sequence[Document], unit: Unit) -> None:
        """See `DocumentStore.add`: a row that came first is a duplicate key, and the next look knows it."""
        if documents:
            unit.apply(partial(self._insert, [_row(document) for document in documents]))

    async def links(self, record: str) -> Sequence[Link]:
        """See `DocumentStore.links`."""
        wanted = {"created": 1, "replaces": 1, "masked": 1}
        rows = self._documents.find({"record": {"$eq": record}}, wanted, batch_size=10_000)
        return [link_of(row) for row in await rows.to_list()]

    async def find(self, record: str, ids: Collection[str]) -> Mapping[str, Document]:
        """See `DocumentStore.find`: by ``_id``; the record only has to agree."""
        if not ids:
            return {}
        rows = self._documents.find({"_id": {"$in": list(ids)}, "record": {"$eq": record}}, batch_size=len(ids) + 1)
        return {row["_id"]: document_of(row) for row in await rows.to_list()}

    async def contents(self, ids: Collection[str]) -> Mapping[str, str]:
        """See `DocumentStore.contents`."""
        rows = self._documents.find({"_id": {"$in": list(ids)}}, {"content": 1}, batch_size=len(ids) + 1)
        return {row["_id"]: row["content"] for row in await rows.to_list()}

    def save(self, document: Document, unit: Unit, *, read: Document) -> None:
        """See `DocumentStore.save`."""
        unit.apply(partial(write_guarded, self._documents, [Change(_row(document), {"version": read.version})]))

    async def _insert(self, rows: list[Row], session: AsyncClientSession) -> None:
        await self._documents.insert_many(rows, ordered=False, session=session)


def _row(document: Document) -> Row:
    return {
        "_id": document.id,
        "record": document.record,
        "content": document.content,
        "created": document.created,
        "replaces": list(document.replaces),
        "size": document.size,
        "depositor": document.depositor,
        "stored": document.stored,
        "event": document.event,
        "box": Binary(document.box),
        "masked": document.masked,
        "version": document.version,
    }


def link_of(row: Mapping[str, Any]) -> Link:
    """Return a document's link as a row tells it."""
    return Link(row["_id"], row["created"], tuple(row["replaces"]), row["masked"])


def document_of(row: Mapping[str, Any]) -> Document:
    """Return the document of a row."""
    return Document(
        id=row["_id"],
        record=row["record"],
        content=row["content"],
        created=row["created"],
        replaces=tuple(row["replaces"]),
        size=row["size"],
        depositor=row["depositor"],
        stored=row["stored"],
        event=row["event"],
        box=bytes(row["box"]),
        masked=row["masked"],
        version=row["version"],
    )
