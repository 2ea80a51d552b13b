"""Orders of arrival on a real database: two workers at once, whose transactions meet, end as in memory (rule 11)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
Scenario = Callable[[], Awaitable[list[Any]]]

ALICE, BRUNO = "a" * 32, "b" * 32
BEFORE: Final = date(2019, 5, 2)
ORDERS: Final = 12
"""Of the 120: the first, the last, and some between; all of them are tried in memory."""

_STANDS: Final[Mapping[str, Sequence[str]]] = {
    "accounts": ("state", "cause", "registration.version", "registration.insurer", "registration.department"),
    "lines": ("record", "month", "insurer", "reverses", "event", "box"),
    "documents": ("record", "content", "replaces"),
    "unclaimed": (),
}
"""What all orders must agree about: not when, nor in how many steps, it came to be."""


async def versions() -> list[Any]:
    """Return versions of a person, the oldest of which opens the record, and another's."""
    return [
        accepted(ALICE, version=1, dmp_created_on=BEFORE),
        *(accepted(ALICE, version=version, department="31") for version in (2, 3, 4)),
        accepted(BRUNO, version=1),
    ]


async def a_record_from_nothing() -> list[Any]:
    """Return what opens a record, and its lines and documents."""
    vault = InMemoryVault()
    return [
        accepted(ALICE, version=1, dmp_created_on=BEFORE),
        received(ALICE, line="1" * 32),
        received(ALICE, line="2" * 32, reverses="1" * 32),
        await documented(ALICE, vault, document="d" * 32, content="c" * 32),
        await documented(ALICE, vault, document="e" * 32, content="f" * 32, replaces=["d" * 32]),
    ]


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


@pytest.mark.parametrize(
    ("scenario", "registered", "stored"),
    [(versions, {ALICE: 4, BRUNO: 1}, [0, 0, 0]), (a_record_from_nothing, {ALICE: 1}, [2, 2, 0])],
)
async def test_any_order_ends_alike_on_a_real_database(
    database: Database, scenario: Scenario, registered: dict[str, int], stored: list[int]
):
    """In whatever order events come, the first of them twice, over two workers: one state, and the right one."""
    every = list(permutations(_named(await scenario())))
    orders = [every[0], every[-1], *Random(1).sample(every, ORDERS - 2)]
    ends: list[Any] = []
    for order in orders:
        if (state := await _arrived(database, order)) not in ends:
            ends.append(state)

    assert len(ends) == 1, ends
    (state,) = ends
    assert {account["_id"]: account["registration"]["version"] for account in state["accounts"]} == registered
    assert next(account["state"] for account in state["accounts"] if account["_id"] == ALICE) == "open"
    assert [len(state[name]) for name in ("lines", "documents", "unclaimed")] == stored
    assert not state["held"]


def _named(events: Sequence[Any]) -> list[Event]:
    """Give each event an id of its own that is the same in every order."""
    return [event.model_copy(update={"id": UUID(int=number).hex}) for number, event in enumerate(events)]
