"""Orders of arrival on a real database: two workers at once, whose transactions meet, end as in memory (rule 11)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import pytest

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_documents import MongoDocuments
from services.records.adapters.mongo_lines import MongoLines
from services.records.adapters.mongo_notices import MongoNotices
from services.records.adapters.mongo_traces import MongoTraces
from services.records.adapters.mongo_unclaimed import MongoUnclaimed
from services.records.domain.delay import Policy
from services.records.subscribers import subscriptions
from shared.contracts.event import Event
from tests.fakes.reads import documented
from tests.fakes.records import accepted, received
from tests.fakes.vault import InMemoryVault
from tests.integration.orders import Database, Flows, Stands, ends_on

pytestmark = pytest.mark.integration

Scenario = Callable[[], Awaitable[list[Any]]]

ALICE, BRUNO = "a" * 32, "b" * 32
BEFORE: Final = date(2019, 5, 2)

_STANDS: Final[Stands] = {
    "accounts": ("state", "cause", "registration.version", "registration.insurer", "registration.department"),
    "lines": ("record", "month", "insurer", "reverses", "event", "box"),
    "documents": ("record", "content", "replaces"),
    "unclaimed": (),
}


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


async def flows(database: Database) -> Flows:
    """Return what makes records' flows on this database."""
    stores: dict[str, Any] = {
        "accounts": MongoAccounts(database),
        "lines": MongoLines(database),
        "notices": MongoNotices(database),
        "documents": MongoDocuments(database),
        "unclaimed": MongoUnclaimed(database),
        "traces": MongoTraces(database),
    }
    for each in stores.values():
        await each.prepare()
    return lambda clock: subscriptions(**stores, policy=Policy.SEED, clock=clock)


@pytest.mark.parametrize(
    ("scenario", "registered", "stored"),
    [(versions, {ALICE: 4, BRUNO: 1}, [0, 0, 0]), (a_record_from_nothing, {ALICE: 1}, [2, 2, 0])],
)
async def test_any_order_ends_alike_on_a_real_database(
    database: Database, scenario: Scenario, registered: dict[str, int], stored: list[int]
):
    """In whatever order events come, the first of them twice, over two workers: one state, and the right one."""
    ends = await ends_on(database, _named(await scenario()), await flows(database), _STANDS)

    assert len(ends) == 1, ends
    (state,) = ends
    assert {account["_id"]: account["registration"]["version"] for account in state["accounts"]} == registered
    assert next(account["state"] for account in state["accounts"] if account["_id"] == ALICE) == "open"
    assert [len(state[name]) for name in ("lines", "documents", "unclaimed")] == stored
    assert not state["held"]


def _named(events: Sequence[Any]) -> list[Event]:
    """Give each event an id of its own that is the same in every order."""
    return [event.model_copy(update={"id": UUID(int=number).hex}) for number, event in enumerate(events)]
