"""CloudEvents over AMQP: a body taken apart into events, and events put together into bodies."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson

from shared import strict_json
from shared.errors import CarnetError, RefusedError

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

MAX_EVENTS: Final = 200
MAX_BYTES: Final = 1024 * 1024
"""Limits of one message, outbox row and batch (design §3)."""


class OversizedEventError(CarnetError):
    """One event alone is larger than a message may be: its consumers would refuse it, so it never leaves."""


def split(body: bytes, content_type: str | None, *, strict: bool) -> list[Any]:
    """Return the events of a message, parsed but not validated; raise `RefusedError` if it is no message at all.

    ``strict`` is for what comes from outside: duplicate keys, NaN, ``-0``, fractions and oversized integers are
    marked in place (`shared.strict_json`), so that only their own event is refused and its neighbours go on.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind not in (SINGLE, BATCH):
        raise RefusedError("content-type")
    if len(body) > MAX_BYTES:
        raise RefusedError("message-too-large")
    document = strict_json.parse(body) if strict else _parse(body)
    if kind == SINGLE:
        return [document]
    if not isinstance(document, list) or not document:
        raise RefusedError("batch-malformed")
    if len(document) > MAX_EVENTS:
        raise RefusedError("batch-too-long")
    return document


def join(bodies: Sequence[bytes]) -> tuple[bytes, str]:
    """Return one message body for events of one type, and its content type."""
    if len(bodies) == 1:
        return bodies[0], SINGLE
    return b"[" + b",".join(bodies) + b"]", BATCH


def slices(bodies: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut serialised events into messages of at most 200 events and 1 MiB each.

    Raise `OversizedEventError` for an event that no message can carry.
    """
    part: list[bytes] = []
    size = 1
    for body in bodies:
        if len(body) > MAX_BYTES:
            raise OversizedEventError
        if part and (len(part) == MAX_EVENTS or size + len(body) + 1 > MAX_BYTES):
            yield part
            part, size = [], 1
        part.append(body)
        size += len(body) + 1
    if part:
        yield part


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RefusedError("json-malformed") from None
