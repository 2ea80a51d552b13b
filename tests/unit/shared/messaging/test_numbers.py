"""Traces are numbered without gaps, whatever fails in between (F57)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from shared.contracts.accesses import AccessCountedV1, AccessTracedV1, AccessTracedV1Data
from shared.contracts.operations import OperatorActedV1, OperatorActedV1Data
from shared.messaging.numbers import Numbers, Row, numbered, numbers_of
from shared.messaging.stating import state_once
from shared.messaging.unit import Unit

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)

T = TypeVar("T")


def a_trace() -> AccessTracedV1:
    """Return a trace without a number."""
    data = AccessTracedV1Data(
        trace_id="7a" * 16, action="documents-listed", outcome="permitted", rule="holder", sealed="A" * 40
    )
    return AccessTracedV1.new(source="/records", time=NOW, data=data)


class Acts:
    """Commits acts, or fails to."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.published: list[AccessCountedV1] = []

    async def __call__(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Perform an act."""
        unit = Unit()
        answer = await work(unit)
        if self.failure is not None:
            raise self.failure
        self.published += [each.event for each in unit.emitted if isinstance(each.event, AccessCountedV1)]
        return answer


def test_only_what_is_kept_counts():
    """F57: the numbers of what was not kept go to what comes next."""
    row = Row("records.host.1/reads")

    row.number([a_trace(), a_trace()])
    kept = row.number([a_trace(), a_trace()])
    row.keep(kept)

    assert [event.number for event in kept] == [1, 2]
    assert [event.number for event in row.number([a_trace()])] == [3]


def test_kept_after_a_doubt():
    """F57: what turns out to be kept though its commit seemed to fail counts once."""
    row = Row("records.host.1/acts-0")
    doubtful = row.number([a_trace()])

    row.keep(doubtful)
    row.keep(doubtful)

    assert row.last == 1


def test_a_doubt_begins_a_new_row():
    """F57: where nobody knows what was kept, no number is given twice; what was kept after all is stated."""
    numbers = Numbers("records.host.1")
    row = numbers.row("reads")
    row.keep(row.number([a_trace()]))
    doubtful = row.number([a_trace()])

    after = numbers.row("reads")
    assert after.producer != row.producer
    assert after.producer.startswith("records.host.1/reads")
    after.keep(after.number([a_trace()]))
    row.keep(doubtful)

    assert [(each.producer, each.last) for each in numbers.news()] == [(row.producer, 2), (after.producer, 1)]


def test_no_doubt_without_a_number():
    """What failed for certain, or before anything was numbered, begins no new row."""
    numbers = Numbers("records.host.1")
    row = numbers.row("acts-0")
    row.number([])
    assert numbers.row("acts-0") is row

    row.number([a_trace()])
    row.give_up()
    assert numbers.row("acts-0") is row
    assert [event.number for event in row.number([a_trace()])] == [1]


def test_rows_do_not_pile_up():
    """However often a place is left in doubt, only rows that are in use or unstated are remembered."""
    numbers = Numbers("records.host.1")
    for _ in range(100):
        numbers.row("reads").number([a_trace()])

    assert len(numbers._rows["reads"]) <= 3


def test_nothing_but_traces():
    """F57: a commit's traces are numbered in their order, once; whatever else it emits is left alone."""
    unit, row = Unit(), Row("records.host.1/acts-0")
    acted = OperatorActedV1Data(service="records", operator="o", act="show", targets=[])
    unit.emit(OperatorActedV1.new(source="/records", time=NOW, data=acted))
    unit.emit(a_trace())
    unit.emit(a_trace().model_copy(update={"producer": "records.host.1/reads", "number": 41}))
    unit.emit(a_trace())

    emitted, fresh = numbered(unit.emitted, row)

    assert [getattr(each.event, "number", None) for each in emitted] == [None, 1, 41, 2]
    assert [event.number for event in fresh] == [1, 2]
    assert {event.producer for event in fresh} == {row.producer}


def test_one_set_per_process():
    """Whoever numbers in a process shares its rows; another process has its own."""
    assert numbers_of("records.host.1").row("reads") is numbers_of("records.host.1").row("reads")
    assert numbers_of("records.host.1").row("reads") is not numbers_of("records.host.2").row("reads")


async def test_the_last_number_is_stated():
    """F57: a process states how far it has come, when that has changed, and again where it could not."""
    numbers, acts = Numbers("records.host.1"), Acts()
    row = numbers.row("reads")
    await state_once(numbers, "records", acts)
    assert not acts.published

    row.keep(row.number([a_trace(), a_trace()]))
    acts.failure = TimeoutError()
    with pytest.raises(TimeoutError):
        await state_once(numbers, "records", acts)
    acts.failure = None
    await state_once(numbers, "records", acts)
    await state_once(numbers, "records", acts)

    (event,) = acts.published
    assert (event.source, event.type) == ("/records", "access.counted.v1")
    assert [(each.producer, each.last, each.since) for each in event.data.producers] == [("records.host.1/reads", 2, 0)]
