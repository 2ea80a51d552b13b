"""No read without a durable trace: the order, and what happens while traces cannot be written or the log is behind."""

from datetime import timedelta

import pytest
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from shared.messaging.gathering import OverloadedError
from tests.fakes.reads import CDA
from tests.unit.records.library import DOCTOR, Library, refusal
from tests.unit.records.reads import every_read


async def test_the_trace_comes_first(library: Library):
    """I112: the trace is committed before the content is even fetched."""
    path, _, _ = (await every_read(library))["document-read"]
    library.happened.clear()

    assert (await library.ask("doctor", path)).content == CDA
    assert library.happened == ["trace committed", "content fetched"]


@pytest.mark.parametrize(
    "failure",
    [AutoReconnect("away"), ServerSelectionTimeoutError("away"), TimeoutError(), OverloadedError(), OSError("reset")],
    ids=lambda failure: type(failure).__name__,
)
async def test_no_trace_no_answer(library: Library, failure: Exception):
    """I112: where the trace cannot be written, every door answers 503 and not a byte of what was asked for."""
    reads = await every_read(library)
    library.failure = failure

    for path, method, more in reads.values():
        answer = await library.ask("doctor", path, method, **more)
        assert refusal(answer) == (503, "unavailable")
        assert answer.headers["retry-after"] == "5"
    assert "content fetched" not in library.happened


async def test_a_bug_is_no_answer_either(library: Library):
    """A failure of our own is 500, and not a byte of a document either."""
    path, _, _ = (await every_read(library))["document-read"]
    library.failure = KeyError("bug")

    assert refusal(await library.ask("doctor", path)) == (500, "internal")
    assert "content fetched" not in library.happened


async def test_while_the_log_is_behind(library: Library):
    """Reads go on until the oldest trace that is not in the log is 60 s old, then 503 until it is (design 5)."""
    reads = await every_read(library)
    path = reads["documents-listed"][0]
    assert (await library.ask("doctor", path)).status_code == 200
    library.machine.instant += timedelta(seconds=60)
    assert (await library.ask("doctor", path)).status_code == 200
    library.machine.instant += timedelta(seconds=2)

    for read, method, more in reads.values():
        answer = await library.ask("doctor", read, method, **more)
        assert refusal(answer) == (503, "log-behind")
        assert answer.headers["retry-after"] == "5"
    change = await library.ask("alice", "/me/professionals/" + DOCTOR, "PUT", json={"status": "blocked"})
    assert refusal(change) == (503, "log-behind")

    library.traces.rows.clear()
    library.machine.instant += timedelta(seconds=1)
    assert (await library.ask("doctor", path)).status_code == 200


async def test_business_time_does_not_age_traces(library: Library):
    """A clock that a demonstration moves months ahead makes no trace old."""
    path = (await every_read(library))["documents-listed"][0]
    await library.ask("alice", "/me/documents")
    library.clock.instant += timedelta(days=90)

    assert (await library.ask("doctor", path)).status_code == 200
