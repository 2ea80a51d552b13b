"""One suite for both contact stores, in memory and in MongoDB: they give the same answers."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.notifications.adapters.mongo_contacts import MongoContacts
from services.notifications.domain.contact import Contact
from services.notifications.ports import ContactStore
from shared.messaging.failures import Failure, classify
from shared.messaging.unit import Unit
from tests.fakes.notifications import InMemoryContacts

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture(params=["memory", "mongo"])
async def contacts(request: pytest.FixtureRequest, database: Database) -> ContactStore:
    """Give each contact store in turn, empty."""
    return InMemoryContacts() if request.param == "memory" else MongoContacts(database)


def contact(version: int = 1) -> Contact:
    """Return a contact that no test has met."""
    return Contact(uuid4().hex, version, "cpam-44", uuid4().hex, "RG", "44", b"\x01shut")


async def save(store: ContactStore, database: Database, *changed: Contact, read: tuple[Contact, ...] = ()) -> None:
    """Save contacts in one transaction; a store in memory takes no notice of it."""
    unit = Unit()
    store.save(changed, unit, read={each.record: each for each in read})
    async with database.client.start_session() as session, await session.start_transaction():
        for effect in unit.effects:
            await effect(session)


async def test_a_contact_as_it_was_saved(contacts: ContactStore, database: Database):
    """What is found is what was saved; who has no contact is absent."""
    kept = contact()
    await save(contacts, database, kept)

    assert await contacts.find({kept.record, uuid4().hex}) == {kept.record: kept}
    assert await contacts.count() == 1


async def test_new_and_changed_contacts(contacts: ContactStore, database: Database):
    """One commit keeps new contacts and replaces others."""
    old, new = contact(), contact()
    await save(contacts, database, old)
    changed = replace(old, version=2, event=uuid4().hex, department="31")

    await save(contacts, database, changed, new, read=(old,))

    assert await contacts.find({old.record, new.record}) == {old.record: changed, new.record: new}


@pytest.mark.parametrize("was_read", [True, False])
async def test_a_contact_changed_meanwhile(contacts: ContactStore, database: Database, was_read: bool):
    """A contact that changed, or appeared, since it was read stops the whole commit (rule 10)."""
    read, bystander = contact(), contact()
    await save(contacts, database, read)
    winner = replace(read, version=3, event=uuid4().hex)
    await save(contacts, database, winner, read=(read,))

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await save(contacts, database, bystander, replace(read, version=2), read=(read,) if was_read else ())

    assert classify(raced.value) is Failure.CONFLICT
    assert await contacts.find({read.record, bystander.record}) == {read.record: winner}
