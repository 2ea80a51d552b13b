"""Messages as an attacker, or a broken sender, would send them (security reference, H 88 to 98)."""

import os
from typing import Any, Final

import orjson
import pytest

from services.ingest.subscribers import subscriptions
from shared.messaging.delivery import Delivery
from shared.messaging.reading import read, read_again
from shared.messaging.relay import Relay
from shared.messaging.rows import AlreadySealed, RowMaker
from shared.messaging.settling import Settler
from shared.messaging.store import Held
from shared.messaging.topology import INGEST_REIMBURSEMENTS, INGEST_UNKNOWN, Flow
from shared.messaging.unit import State
from tests.fakes.ingest import (
    CPAM,
    INDEX_KEY,
    INSURERS,
    MSA,
    InMemoryIdentities,
    delivery,
    line,
    person,
    registered,
    settled,
)
from tests.fakes.messaging import InMemoryInbox, InMemoryOutbox, ManualClock, RecordingPublisher
from tests.fakes.vault import InMemoryVault

V2: Final = "reimbursement.settled.v2"
"""A version that nobody knows."""

FLOOD: Final = int(os.environ.get("CARNET_FLOOD", "10000"))
"""Copies of one message, in two hundreds."""


class Counter:
    """Ingest's flows in memory."""

    def __init__(self) -> None:
        clock = ManualClock()
        self.vault = InMemoryVault()
        self.outbox = InMemoryOutbox(clock)
        self.inbox = InMemoryInbox(self.outbox)
        relay = Relay(self.outbox, RecordingPublisher(), "p1")
        flows = subscriptions(
            vault=self.vault,
            identities=InMemoryIdentities(),
            insurers=INSURERS,
            index_key=INDEX_KEY,
            clock=clock,
            production=False,
        )
        self._settlers = {
            each.flow.queue: Settler(each, self.inbox, relay, RowMaker(each.flow.queue, AlreadySealed(), clock), "p1")
            for each in flows
        }

    async def take(self, flow: Flow, *deliveries: Delivery) -> None:
        """Settle messages as one batch."""
        settler = self._settlers[flow.queue]
        await settler.settle([item for each in deliveries for item in read(settler.subscription, each, bytes(32))])

    async def retry(self, flow: Flow, held: Held) -> None:
        """Take up a waiting row."""
        settler = self._settlers[flow.queue]
        await settler.settle([read_again(settler.subscription, held, held.body, bytes(32))])

    def ends(self) -> list[tuple[State, str | None]]:
        """Return how each event ended."""
        return [(row.state, row.reason) for row in self.inbox.rows.values()]

    def told(self) -> list[dict[str, Any]]:
        """Return what was published to services, refusals and others."""
        rows = [each.row for each in self.outbox.rows.values() if each.row.exchange == "events"]
        documents = [orjson.loads(row.body) for row in rows]
        return [event for each in documents for event in (each if isinstance(each, list) else [each])]


@pytest.fixture
async def counter() -> Counter:
    """Give an ingest to which the sample person is registered."""
    made = Counter()
    await made.take(
        next(each.subscription.flow for each in made._settlers.values()),
        delivery("beneficiary.registered.v1", body=orjson.dumps(registered(person()))),
    )
    made.inbox.rows.clear()
    made.outbox.rows.clear()
    return made


def message(document: dict[str, Any] | None = None, **fields: Any) -> Delivery:
    """Return a settled line's message."""
    return delivery("reimbursement.settled.v1", body=orjson.dumps(document or settled()), **fields)


@pytest.mark.parametrize("user", [None, "insurer.nobody"])
async def test_h88_publisher(counter: Counter, user: str | None):
    """H 88: no publisher, or one whom nobody knows: refused once, and logged. The broker refuses a false name."""
    await counter.take(INGEST_REIMBURSEMENTS, message(user=user))

    assert [state for state, _ in counter.ends()] == [State.REFUSED]
    assert [event["type"] for event in counter.told()] == ["reimbursement.refused.v1"]


async def test_h91_replay(counter: Counter):
    """H 91: the same message again has no effect; its id with another body is refused as `id-reuse` (design §4)."""
    other = settled(line(paid=9_900, excess=7_400))
    for each in (settled(), settled(), other, other):
        await counter.take(INGEST_REIMBURSEMENTS, message(each))

    assert counter.ends() == [(State.DONE, None), (State.REFUSED, "id-reuse")]
    assert counter.inbox.books[INGEST_REIMBURSEMENTS.queue]["duplicate"] == 2


async def test_h93_unknown_type(counter: Counter):
    """H 93: a type or version that nobody knows is quarantined under its code, once, and its sender is told."""
    for _ in range(2):
        await counter.take(INGEST_UNKNOWN, delivery(V2, body=orjson.dumps(settled(type=V2))))

    assert counter.ends() == [(State.QUARANTINED, "type-unknown")]
    assert sum(each.row.exchange == "feedback" for each in counter.outbox.rows.values()) == 1


@pytest.mark.parametrize(
    ("user", "document", "code"),
    [
        (None, settled(type=V2), "publisher-unauthenticated"),
        (CPAM.user, settled(type=V2, source=MSA.source), "source-foreign"),
        (CPAM.user, "no event", "envelope-invalid"),
    ],
)
async def test_h93_only_what_an_upgrade_may_mend_is_kept(counter: Counter, user: str | None, document: Any, code: str):
    """H 93: of a type that nobody knows, too, nothing is kept that is wrong in another way."""
    body = orjson.dumps(document)
    await counter.take(INGEST_UNKNOWN, delivery(V2, body=body, user=user))

    assert counter.ends() == [(State.REFUSED, code)]


async def test_h93_kept_until_an_upgrade(counter: Counter):
    """H 93: replayed once a flow knows its type, it passes that flow's checks and is done under its own key."""
    await counter.take(INGEST_UNKNOWN, message())
    (kept,) = counter.inbox.rows.values()
    counter.inbox.replay(kept.key)
    (held,) = await counter.inbox.due(INGEST_UNKNOWN.queue, ManualClock().now(), 10)
    await counter.retry(INGEST_REIMBURSEMENTS, held)

    assert counter.ends() == [(State.DONE, None), (State.DONE, None)]
    assert [key.split("|")[0] for key in counter.inbox.rows] == [INGEST_UNKNOWN.queue, INGEST_REIMBURSEMENTS.queue]
    assert [event["type"] for event in counter.told()][-1] == "reimbursement.received.v1"


async def test_h97_line_of_another_insurer(counter: Counter):
    """H 97: an insurer that publishes under another's name, or lines of another's fund, is refused."""
    foreign = settled(source=CPAM.source)
    stolen = settled(line(caisse="999"))
    await counter.take(INGEST_REIMBURSEMENTS, message(foreign, user=MSA.user), message(stolen))

    assert [state for state, _ in counter.ends()] == [State.REFUSED, State.REFUSED]
    assert {event["type"] for event in counter.told()} == {"reimbursement.refused.v1"}


async def test_h98_flood_of_duplicates(counter: Counter):
    """H 98: however often a message comes, one row and one event stand: what a flood costs is a counter."""
    await counter.take(INGEST_REIMBURSEMENTS, message())
    for _ in range(FLOOD // 200):
        await counter.take(INGEST_REIMBURSEMENTS, *(message() for _ in range(200)))

    assert counter.ends() == [(State.DONE, None)]
    assert len(counter.told()) == 1
    assert counter.inbox.books[INGEST_REIMBURSEMENTS.queue]["duplicate"] == FLOOD
