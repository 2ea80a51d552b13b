"""Whatever the order in which messages arrive at notifications' workers, the same stands in the end (rule 11)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from services.notifications.subscribers import subscriptions
from shared.contracts.event import Event
from shared.contracts.records import (
    AccountClosedV1,
    AccountClosedV1Data,
    AccountOpenedV1,
    AccountOpenedV1Data,
    AccountOpposedV1,
    AccountOpposedV1Data,
    NoticeRequestedV1,
    NoticeRequestedV1Data,
)
from shared.messaging.topology import EVENTS, FLOWS, LOGGED
from tests.fakes.arrivals import Body, Room, ends_of, type_of
from tests.fakes.messaging import NOON, ManualClock
from tests.fakes.notifications import InMemoryContacts, InMemoryDecisions, InMemoryNotices
from tests.fakes.records import accepted, boxed

ALICE, BRUNO = "a" * 32, "b" * 32


def contacts() -> Sequence[Body]:
    """Versions of two people, two insurers among them."""
    return [
        accepted(ALICE, version=1),
        accepted(ALICE, version=2),
        accepted(ALICE, version=2, insurer="msa"),
        accepted(BRUNO, version=1),
    ]


def notices_and_decisions() -> Sequence[Body]:
    """A notice is asked for twice in different words while its person opens, opposes and closes."""
    return [
        _notice("1" * 32, ALICE),
        _notice("2" * 32, BRUNO),
        AccountOpenedV1.new(
            source="/records", time=NOON, subject=ALICE, data=AccountOpenedV1Data(cause="deadline", version=3)
        ),
        AccountOpposedV1.new(
            source="/records", time=NOON, subject=ALICE, data=AccountOpposedV1Data(channel="online", version=4)
        ),
        AccountClosedV1.new(
            source="/records", time=NOON, subject=ALICE, data=AccountClosedV1Data(cause="closure", version=6)
        ),
    ]


SCENARIOS: list[Callable[[], Sequence[Body]]] = [contacts, notices_and_decisions]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_any_order_ends_alike(scenario: Callable[[], Sequence[Body]]):
    """Every order, over two workers and with a copy, ends in the same state."""
    ends = ends_of(lambda: _made(scenario))

    assert len(ends) == 1, ends


def test_every_flow_is_tried():
    """No flow of notifications is left out."""
    tried = {type_of(each) for scenario in SCENARIOS for each in scenario()}

    flows = {flow.key for flow in FLOWS if flow.consumer == "notifications" and flow.exchange in (EVENTS, LOGGED)}
    assert tried == flows


async def _made(scenario: Callable[[], Sequence[Body]]) -> tuple[Room, Sequence[Body]]:
    people, notices, decisions = InMemoryContacts(), InMemoryNotices(), InMemoryDecisions()
    clock = ManualClock()
    flows = subscriptions(contacts=people, notices=notices, decisions=decisions, clock=clock)
    stores: list[dict[Any, Any]] = [people.rows, notices.rows, decisions.rows]

    def state(_room: Room) -> Any:
        asked = {each.id: (each.record, each.box, each.aim, each.state) for each in notices.rows.values()}
        return dict(people.rows), asked, dict(decisions.rows)

    return Room(flows, stores, state, clock=clock), named(scenario())


def named(bodies: Sequence[Body]) -> list[Body]:
    """Give each event an id that is the same in every order."""
    return [each.model_copy(update={"id": UUID(int=n).hex}) for n, each in enumerate(bodies) if isinstance(each, Event)]


def _notice(name: str, record: str) -> NoticeRequestedV1:
    data = NoticeRequestedV1Data(notice_id=name, sealed=boxed())
    return NoticeRequestedV1.new(source="/records", time=NOON, subject=record, data=data)
