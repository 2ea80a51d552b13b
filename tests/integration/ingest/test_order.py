"""Orders of arrival at ingest on a real database: two workers at once end as they do in memory (rule 11)."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import pytest

from services.ingest.adapters.mongo_deposits import MongoDeposits
from services.ingest.adapters.mongo_identities import MongoIdentities
from services.ingest.adapters.mongo_states import MongoAccountStates
from services.ingest.subscribers import own_news, subscriptions
from shared.identity.record_id import RecordId
from shared.messaging.subscription import Subscription
from tests.fakes.arrivals import Body
from tests.fakes.ingest import CPAM, INDEX_KEY, INSURERS
from tests.fakes.messaging import ManualClock
from tests.fakes.vault import InMemoryVault
from tests.integration.orders import Database, Stands, ends_on
from tests.unit.ingest.test_order import ALICE, BRUNO, named, people_and_lines, states_of_accounts, strangers

pytestmark = pytest.mark.integration

STANDS: Stands = {"identities": ("traits",), "accounts": ("open", "version"), "deposits": ("state", "reason")}


class SteadyVault(InMemoryVault):
    """A person has the same record in every order."""

    async def ensure_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """Return a record id for every blind index, made from it."""
        made = {index: RecordId(blake2b(index.encode(), digest_size=16).hexdigest()) for index in indexes}
        self.subjects |= made
        return made


async def ended(database: Database, bodies: Sequence[Body], *, telling: bool) -> dict[str, Any]:
    """Return the one state in which they end, in whatever order they come."""
    deposits, identities, accounts = MongoDeposits(database), MongoIdentities(database), MongoAccountStates(database)
    for each in (deposits, identities, accounts):
        await each.prepare()

    def flows(clock: ManualClock) -> list[Subscription[Any]]:
        upstream = subscriptions(
            vault=SteadyVault(),
            identities=identities,
            insurers=INSURERS,
            index_key=INDEX_KEY,
            clock=clock,
            production=False,
        )
        return [*upstream, *own_news(accounts=accounts, deposits=deposits, clock=clock)]

    ends = await ends_on(database, named(bodies), flows, STANDS, user=CPAM.user, telling=telling)
    assert len(ends) == 1, ends
    return ends[0]


async def test_people_and_lines(database: Database):
    """A line that comes before its person waits for it (F45), and what is told of all of them is the same."""
    state = await ended(database, people_and_lines(), telling=True)

    assert len(state["identities"]) == 1
    assert sum("reimbursement.received.v1" in each for each in state["told"]) == 2
    assert [each[0] for each in state["held"]] == ["refused"]


async def test_strangers(database: Database):
    """A line of somebody whom nobody registers is set aside, in whatever order the others' people come."""
    state = await ended(database, strangers(), telling=True)

    assert len(state["identities"]) == 2
    assert ("quarantined", "ins-unknown") in state["held"]


async def test_states_of_accounts(database: Database):
    """The account's version decides, whichever comes last."""
    state = await ended(database, states_of_accounts(), telling=False)

    assert {row["_id"]: (row["open"], row["version"]) for row in state["accounts"]} == {
        ALICE: (False, 6),
        BRUNO: (True, 2),
    }
    assert not state["held"]
