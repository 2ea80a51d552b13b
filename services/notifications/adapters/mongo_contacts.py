"""Contacts in MongoDB: {_id: record id, version, insurer, event, regime, department, box}."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from bson.binary import Binary
from pymongo.asynchronous.database import AsyncDatabase

from services.notifications.domain.contact import Contact
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoContacts:
    """`ContactStore` on a collection that every change guards by what it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._contacts = database["contacts"]

    async def find(self, records: Collection[str]) -> Mapping[str, Contact]:
        """See `ContactStore.find`: one find for the whole batch."""
        rows = await self._contacts.find({"_id": {"$in": list(records)}}).to_list()
        return {row["_id"]: _contact(row) for row in rows}

    def save(self, contacts: Sequence[Contact], unit: Unit, *, read: Mapping[str, Contact]) -> None:
        """See `ContactStore.save`."""
        changes = [Change(_document(contact), _guard(read.get(contact.record))) for contact in contacts]
        if changes:
            unit.apply(partial(write_guarded, self._contacts, changes))

    async def count(self) -> int:
        """See `ContactStore.count`: from the collection's metadata."""
        return await self._contacts.estimated_document_count()


def _guard(read: Contact | None) -> Document | None:
    return None if read is None else {"event": read.event}


def _document(contact: Contact) -> Document:
    row = asdict(contact)
    return {"_id": row.pop("record"), **row, "box": Binary(contact.box)}


def _contact(row: Document) -> Contact:
    kept = {name: value for name, value in row.items() if name != "_id"}
    return Contact(**kept | {"record": row["_id"], "box": bytes(row["box"])})
