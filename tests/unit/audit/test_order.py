"""Whatever the order in which messages arrive at the log, each is in it once; its own index is the order (rule 13)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.audit.subscribers import subscriptions
from shared.messaging.topology import AUDIT_EVENTS
from shared.sealing import Key
from tests.fakes.arrivals import Body, Room, ends_of
from tests.fakes.audit import InMemoryLog, LogStorage
from tests.fakes.messaging import ManualClock
from tests.fakes.records import accepted, received
from tests.fakes.vault import InMemoryVault

ALICE = "a" * 32


def test_any_order_ends_alike():
    """Every order of four events, with a copy, leaves one entry per event."""
    ends = ends_of(_made)

    assert len(ends) == 1, ends
    assert len(ends[0]) == 4


async def _made() -> tuple[Room, Sequence[Body]]:
    storage, clock = LogStorage(), ManualClock()
    log = InMemoryLog(storage)
    (flow,) = subscriptions(log=log, vault=InMemoryVault(), own_key=Key(bytes(16), bytes(32)), clock=clock)
    bodies = [accepted(ALICE), accepted(ALICE, version=2), received(ALICE), received(ALICE)]

    def state(_room: Room) -> Any:
        return sorted(zip(storage.names, ((o.type, o.record) for o in storage.openings.values()), strict=True))

    room = Room([flow], [], state, clock=clock, flow_of=lambda _body: AUDIT_EVENTS.key)
    return room, [each.model_copy(update={"id": UUID(int=number).hex}) for number, each in enumerate(bodies)]
