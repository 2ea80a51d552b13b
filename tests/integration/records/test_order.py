"""Orders of arrival on a real database: two workers at once, whose transactions meet, end as in memory (rule 11)."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import permutations
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_documents import MongoDocuments
from services.records.adapters.mongo_lines import MongoLines
from services.records.adapters.mongo_notices import MongoNotices
from services.records.adapters.mongo_traces import MongoTraces
from services.records.adapters.mongo_unclaimed import MongoUnclaimed
from services.records.domain.delay import Policy
from services.records.subscribers import subscriptions
from shared.contracts.event import Event
from shared.messaging.mongo_inbox import MongoInbox
from tests.fakes.arrivals import WORKERS, Room
from tests.fakes.reads import documented
from tests.fakes.records import accepted, received
from tests.fakes.vault import InMemoryVault

pytestmark = pytest.mark.integration

Database = AsyncDatabase[dict[str, Any]]

ALICE: Final = "a" * 32
BEFORE: Final = date(2019, 5, 2)
ORDERS: Final = 12
"""Of the 720: the first, the last, and some between; all of them are tried in memory."""

_STANDS: Final[Mapping[str, Sequence[str]]] = {
    "accounts": ("state", "cause", "registration.version", "registration.insurer", "registration.department"),
    "lines": ("record", "month", "insurer", "reverses", "event", "box"),
    "documents": ("record", "content", "replaces"),
    "unclaimed": (),
}
"""What all orders must agree about: not when, nor in how many steps, it came to be."""


async def events() -> list[Event]:
    """Return a person's versions, of which an old one opens the record, their lines and two documents."""
    vault = InMemoryVault()
    made: list[Any] = [
        accepted(ALICE, version=1, dmp_created_on=BEFORE),
        accepted(ALICE, version=2, department="31"),
        received(ALICE, line="1" * 32),
        received(ALICE, line="2" * 32, reverses="1" * 32),
        await documented(ALICE, vault, document="d" * 32, content="c" * 32),
        await documented(ALICE, vault, document="e" * 32, content="f" * 32, replaces=["d" * 32]),
    ]
    return [event.model_copy(update={"id": UUID(int=number).hex}) for number, event in enumerate(made)]


async def room(database: Database) -> Room:
    """Give records' flows two workers each, on this database."""
    inboxes = {name: MongoInbox(database.client, database, name) for name in WORKERS}
    stores: dict[str, Any] = {
        "accounts": MongoAccounts(database),
        "lines": MongoLines(database),
        "notices": MongoNotices(database),
        "documents": MongoDocuments(database),
        "unclaimed": MongoUnclaimed(database),
        "traces": MongoTraces(database),
    }
    for each in (*inboxes.values(), *stores.values()):
        await each.prepare()
    clock = Room([], [], lambda _: None).clock
    flows = subscriptions(**stores, policy=Policy.SEED, clock=clock)
    return Room(flows, [], lambda _: None, clock=clock, inbox_of=inboxes.__getitem__)


async def left(database: Database) -> Any:
    """Return what stands, without when it came to be."""
    rows = {
        name: [row async for row in database[name].find({}, dict.fromkeys(("_id", *fields), 1)).sort("_id", 1)]
        for name, fields in _STANDS.items()
    }
    held = await database["inbox"].count_documents({"state": {"$nin": ["done", "ignored"]}})
    return {**rows, "held": held}


async def _arrived(database: Database, order: Sequence[Event]) -> Any:
    await (await room(database)).arrive(order)
    state = await left(database)
    for name in await database.list_collection_names():
        await database[name].delete_many({})
    return state


async def test_any_order_ends_alike_on_a_real_database(database: Database):
    """Versions, lines and documents, in whatever order and twice, over two workers: one state, the right one."""
    made = await events()
    every = list(permutations(made))
    orders = [every[0], every[-1], *Random(1).sample(every, ORDERS - 2)]
    ends: list[Any] = []
    for order in orders:
        if (state := await _arrived(database, order)) not in ends:
            ends.append(state)

    assert len(ends) == 1, ends
    (state,) = ends
    (account,) = state["accounts"]
    assert (account["state"], account["registration"]["version"]) == ("open", 2)
    assert [len(state[name]) for name in ("lines", "documents", "unclaimed")] == [2, 2, 0]
    assert not state["held"]
