"""One suite for the stores of rights and of traces, in memory and in MongoDB."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from services.records.domain.rights import Grant
from services.records.ports import Pending, RightStore, TraceStore
from shared.messaging.failures import Failure, classify
from tests.integration.records.reading import SINCE, Database, a_right, commit, store_of

pytestmark = pytest.mark.integration


@pytest.fixture
async def rights(kind: str, database: Database) -> RightStore:
    """Give each store of rights in turn, empty."""
    store: RightStore = await store_of("rights", kind, database)
    return store


@pytest.fixture
async def traces(kind: str, database: Database) -> TraceStore:
    """Give each store of traces in turn, empty."""
    store: TraceStore = await store_of("traces", kind, database)
    return store


async def test_rights_as_they_were_saved(rights: RightStore, database: Database):
    """F49: a record's rights come back whole, the latest first, and others' never."""
    record = uuid4().hex
    early, late, foreign = a_right(record), replace(a_right(record), since=SINCE + timedelta(days=1)), a_right("b" * 32)
    for right in (early, late, foreign):
        await commit(database, partial(rights.save, right, read=None))

    assert await rights.of_record(record) == [late, early]
    assert await rights.find(record, {early.professional, foreign.professional}) == {early.professional: early}


@pytest.mark.parametrize("absent", [True, False], ids=["thought absent", "changed"])
async def test_a_right_changed_meanwhile(rights: RightStore, database: Database, absent: bool):
    """A right that is not as it was read stops the commit: a block is never overwritten by an older look (F49)."""
    read = a_right("a" * 32)
    blocked = replace(read, grant=Grant.BLOCKED, version=2)
    await commit(database, lambda unit: rights.save(read, unit, read=None))
    await commit(database, lambda unit: rights.save(blocked, unit, read=read))

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await commit(database, lambda unit: rights.save(read, unit, read=None if absent else read))

    assert classify(raced.value) is Failure.CONFLICT
    assert await rights.of_record(read.record) == [blocked]


async def test_traces_wait_for_the_log(traces: TraceStore, database: Database):
    """F57: the oldest trace tells since when the log is behind; what is logged is forgotten, even twice."""
    assert await traces.oldest() is None
    await commit(database, lambda unit: traces.add("a" * 32, SINCE, unit))
    await commit(database, lambda unit: traces.add("b" * 32, SINCE + timedelta(seconds=1), unit))

    assert await traces.oldest() == SINCE
    for _ in range(2):
        await commit(database, lambda unit: traces.remove(["a" * 32], unit))
    assert await traces.oldest() == SINCE + timedelta(seconds=1)
    await commit(database, lambda unit: traces.remove([], unit))


async def test_traces_wait_for_their_messages(traces: TraceStore, database: Database):
    """F57: what was kept alone is pending until the commit that sends it, once, and is watched from the first."""
    one, two = Pending("c" * 32, SINCE, b"{}"), Pending("d" * 32, SINCE + timedelta(seconds=1), b"{}")
    await commit(database, lambda unit: traces.add("a" * 32, SINCE, unit))
    await traces.keep([two, one])

    assert await traces.oldest() == SINCE
    assert await traces.pending(SINCE + timedelta(seconds=2), 9) == [one, two]
    assert await traces.pending(SINCE + timedelta(seconds=2), 1) == [one]
    assert await traces.pending(SINCE + timedelta(seconds=1), 9) == [one]
    await commit(database, lambda unit: traces.sent([one.id], unit))
    assert await traces.pending(SINCE + timedelta(seconds=2), 9) == [two]

    with pytest.raises(Exception) as raced:  # noqa: PT011 - judged by what the core makes of it
        await commit(database, lambda unit: traces.sent([one.id, two.id], unit))
    assert classify(raced.value) is Failure.CONFLICT
    await commit(database, lambda unit: traces.remove(["a" * 32, one.id], unit))
    assert await traces.oldest() == two.at
