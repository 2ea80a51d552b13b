"""Whatever bytes arrive at the log become entries: audit refuses nothing and parks nothing (rule 13)."""

import pytest

from services.audit.domain.envelope import Envelope
from shared.messaging.cloudevents import BATCH, SINGLE
from shared.messaging.delivery import Delivery
from shared.messaging.reading import read
from tests.fakes.audit import LogStorage
from tests.fakes.beside import log_flow
from tests.fakes.messaging import ManualClock

GOOD = b'{"id":"1","source":"/ingest","type":"a.b.v1"}'


def entries_of(body: bytes, content_type: str | None = SINGLE) -> list[Envelope]:
    """Return what a message becomes."""
    flow = log_flow(LogStorage(), ManualClock())

    async def acknowledge() -> None: ...

    delivery = Delivery(body, content_type, "a.b.v1", None, None, redelivered=False, acknowledge=acknowledge)
    items = read(flow, delivery, b"secret")
    assert all(item.refusal is None and item.error is None for item in items)
    return [item.event for item in items if item.event is not None]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", SINGLE),
        (b"\xff\xfe{", SINGLE),
        (b'{"id":"\\ud800"}', SINGLE),
        (b"[" * 2000, SINGLE),
        (GOOD, "text/plain"),
        (GOOD, None),
        (GOOD, BATCH),
        (b"[]", BATCH),
        (b"[" + b",".join([GOOD] * 201) + b"]", BATCH),
        (b"x" * (2**20 + 1), SINGLE),
    ],
)
def test_no_events(body: bytes, content_type: str | None):
    """A message that cannot be read as events is one entry, the same whenever it comes."""
    (once,), (again,) = entries_of(body, content_type), entries_of(body, content_type)

    assert once.name == again.name
    assert once.source == "unnamed"


@pytest.mark.parametrize("document", [b"null", b"5", b'"text"', b"[1]", b"{}", b'{"id":5}'])
def test_strange_documents(document: bytes):
    """JSON that names no event is an entry, and so are its neighbours."""
    strange, good = entries_of(b"[" + document + b"," + GOOD + b"]", BATCH)

    assert strange.source == "unnamed"
    assert good.id == "1"
