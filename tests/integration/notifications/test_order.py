"""Orders of arrival at notifications on a real database: two workers at once end as they do in memory (rule 11)."""

from collections.abc import Callable, Sequence

import pytest

from services.notifications.adapters.mongo_contacts import MongoContacts
from services.notifications.adapters.mongo_decisions import MongoDecisions
from services.notifications.adapters.mongo_notices import MongoNotices
from services.notifications.subscribers import subscriptions
from tests.fakes.arrivals import Body
from tests.integration.orders import Database, Stands, ends_on
from tests.unit.notifications.test_order import ALICE, BRUNO, contacts, named, notices_and_decisions

pytestmark = pytest.mark.integration

STANDS: Stands = {
    "contacts": ("version", "insurer", "box"),
    "notices": ("record", "aim", "state", "box"),
    "decisions": ("version", "state"),
}


@pytest.mark.parametrize(
    ("scenario", "stored", "versions"),
    [
        (contacts, [2, 0, 0], {("contacts", ALICE): 2, ("contacts", BRUNO): 1}),
        (notices_and_decisions, [0, 2, 1], {("decisions", ALICE): 6}),
    ],
)
async def test_any_order_ends_alike_on_a_real_database(
    database: Database,
    scenario: Callable[[], Sequence[Body]],
    stored: list[int],
    versions: dict[tuple[str, str], int],
):
    """In whatever order events come, the first of them twice, over two workers: one state, and the right one."""
    people, notices, decisions = MongoContacts(database), MongoNotices(database), MongoDecisions(database)
    await notices.prepare()

    ends = await ends_on(
        database,
        named(scenario()),
        lambda clock: subscriptions(contacts=people, notices=notices, decisions=decisions, clock=clock),
        STANDS,
    )

    assert len(ends) == 1, ends
    (state,) = ends
    assert [len(state[name]) for name in STANDS] == stored
    assert {
        (name, row["_id"]): row["version"] for name in STANDS for row in state[name] if "version" in row
    } == versions
    assert not state["held"]
