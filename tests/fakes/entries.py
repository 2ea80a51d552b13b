"""Entries for tests of the log, and a look at whether a log is whole."""

from collections.abc import Sequence
from uuid import uuid4

import orjson

from services.audit.domain.entries import FIRST, Fresh, Head, fresh, tell
from services.audit.domain.envelope import Envelope, read_envelope
from verifier.leaves import parse_leaf
from verifier.merkle import Frontier, leaf_hash


def told(record: str | None = None, wire_type: str = "line.kept.v1", **attributes: object) -> Envelope:
    """Return the envelope of an event that no test has met."""
    document = {"source": "/ingest", "id": uuid4().hex, "type": wire_type, "time": "2026-11-21T09:59:59Z"}
    document |= {"data": {"sealed": "AAAA"}, **({"subject": record} if record else {}), **attributes}  # type: ignore[dict-item]
    return read_envelope(document, orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def an_entry(record: str | None = None, wire_type: str = "line.kept.v1", time: int = 1, box: bytes = b"shut") -> Fresh:
    """Return an entry whose box nobody opens."""
    event = told(record, wire_type)
    return fresh(event.name, event, tell(event, FIRST), time=time, number=1 if record else None, box=box)


def some_entries(count: int = 3) -> list[Fresh]:
    """Return entries, every other one about a record of its own."""
    return [an_entry(uuid4().hex if number % 2 else None) for number in range(count)]


def names(*parts: Sequence[Fresh]) -> list[bytes]:
    """Return what entries call their events."""
    return [entry.leaf.event for part in parts for entry in part]


def whole(leaves: Sequence[tuple[int, bytes]], head: Head) -> list[bytes]:
    """Return the events of a log; fail unless its leaves, in their order, have the root of its head."""
    frontier, found = Frontier(), []
    for index, raw in leaves:
        assert index == frontier.size, f"leaf {frontier.size} is missing"
        frontier.append(leaf_hash(raw))
        found.append(parse_leaf(raw).event)
    assert (frontier.size, frontier.root()) == (head.size, head.root)
    return found
