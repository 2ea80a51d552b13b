"""Whatever the order in which messages arrive at the log, each is in it once; its own index is the order (rule 13)."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from services.audit.subscribers import heeding
from shared.contracts.accesses import AccessCountedV1, AccessCountedV1Data, CountedV1
from shared.contracts.records import OversightChangedV1, OversightChangedV1Data
from shared.messaging.topology import AUDIT_EVENTS
from tests.fakes.arrivals import Body, Room, ends_of
from tests.fakes.audit import LogStorage
from tests.fakes.beside import InMemoryMarks, InMemoryOverseers, InMemorySeries, log_flow
from tests.fakes.messaging import ManualClock
from tests.fakes.records import NOON, accepted, received

ALICE = "a" * 32


def test_what_audit_heeds():
    """F51, F57: every order of statements and oversights, with a copy, leaves the latest of each."""
    ends = ends_of(_heeded)

    assert len(ends) == 1, ends
    assert ends[0] == ({"records.h.1/reads": 7, "records.h.1/acts-0": 2}, "administrator", 3)


async def _heeded() -> tuple[Room, Sequence[Body]]:
    clock, marks = ManualClock(), InMemoryMarks(LogStorage())
    series, overseers = InMemorySeries(marks, clock.now), InMemoryOverseers()
    flows = heeding(series, overseers)
    bodies: list[Body] = [
        _counted(**{"records.h.1/reads": 7}),
        _counted(**{"records.h.1/reads": 5, "records.h.1/acts-0": 2}),
        _oversight("attending", 1),
        _oversight(None, 2),
        _oversight("administrator", 3),
    ]

    def state(_room: Room) -> Any:
        (left,) = overseers.rows.values()
        return dict(series.counts), left.oversight, left.version

    return Room(flows, [series.counts, overseers.rows], state, clock=clock), bodies


def _counted(**counts: int) -> AccessCountedV1:
    told = [CountedV1(producer=producer, last=last) for producer, last in counts.items()]
    return AccessCountedV1.new(source="/records", time=NOON, data=AccessCountedV1Data(producers=told))


def _oversight(oversight: Literal["attending", "administrator"] | None, version: int) -> OversightChangedV1:
    data = OversightChangedV1Data(professional="d" * 32, oversight=oversight, version=version)
    return OversightChangedV1.new(source="/records", time=NOON, subject=ALICE, data=data)


def test_any_order_ends_alike():
    """Every order of four events, with a copy, leaves one entry per event."""
    ends = ends_of(_made)

    assert len(ends) == 1, ends
    assert len(ends[0]) == 4


async def _made() -> tuple[Room, Sequence[Body]]:
    storage, clock = LogStorage(), ManualClock()
    flow = log_flow(storage, clock)
    bodies = [accepted(ALICE), accepted(ALICE, version=2), received(ALICE), received(ALICE)]

    def state(_room: Room) -> Any:
        return sorted(zip(storage.names, ((o.type, o.record) for o in storage.openings.values()), strict=True))

    room = Room([flow], [], state, clock=clock, flow_of=lambda _body: AUDIT_EVENTS.key)
    return room, [each.model_copy(update={"id": UUID(int=number).hex}) for number, each in enumerate(bodies)]
