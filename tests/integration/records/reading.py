"""The stores that reads need, in memory and in MongoDB, rows that no test has met, and a commit for both."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from pymongo.asynchronous.database import AsyncDatabase

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_documents import MongoDocuments
from services.records.adapters.mongo_rights import MongoRights
from services.records.adapters.mongo_traces import MongoTraces
from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.documents import Document
from services.records.domain.rights import By, Grant, Right
from shared.messaging.unit import Unit
from shared.mongo import DURABLE, SNAPSHOT
from tests.fakes.reads import InMemoryDocuments, InMemoryRights, InMemoryTraces
from tests.fakes.records import InMemoryAccounts

Database = AsyncDatabase[dict[str, Any]]

SINCE = datetime(2026, 11, 15, 12, 0, 0, 123_000, tzinfo=UTC)
TOLD = Registration(1, "cpam-44", "e1", "RG", "44", date(2015, 3, 2), ins_key_valid=True, box=b"\x01shut")
STORES: dict[str, tuple[Callable[[], Any], Callable[[Database], Any]]] = {
    "accounts": (InMemoryAccounts, MongoAccounts),
    "documents": (InMemoryDocuments, MongoDocuments),
    "rights": (InMemoryRights, MongoRights),
    "traces": (InMemoryTraces, MongoTraces),
}


async def store_of(name: str, kind: str, database: Database) -> Any:
    """Return one of the stores, empty: the one in memory or the one in MongoDB."""
    fake, real = STORES[name]
    if kind == "memory":
        return fake()
    store = real(database)
    await store.prepare()
    return store


def a_document(record: str, *replaces: str) -> Document:
    """Return a document that no test has met."""
    return Document(
        id=uuid4().hex,
        record=record,
        content=uuid4().hex,
        created=SINCE,
        replaces=replaces,
        size=77_312,
        depositor="d0" * 16,
        stored=SINCE,
        event="e1",
        box=b"\x01shut",
    )


def a_right(record: str) -> Right:
    """Return a right that no test has met."""
    return Right(record, uuid4().hex, Grant.AUTHORISED, SINCE, By.PROFESSIONAL, 1, b"\x01shut")


def an_account(state: AccountState = AccountState.OPEN) -> Account:
    """Return an account that no test has met."""
    return Account(uuid4().hex, state, Cause.LEGACY_DMP, SINCE, 2, TOLD)


async def commit(database: Database, *write: Callable[[Unit], None]) -> None:
    """Apply what is written down in one transaction; a store in memory takes no notice of it."""
    unit = Unit()
    for each in write:
        each(unit)
    async with database.client.start_session() as session:
        await session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
        for effect in unit.effects:
            await effect(session)
        await session.commit_transaction()
