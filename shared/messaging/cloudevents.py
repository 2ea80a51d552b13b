"""CloudEvents over AMQP: a body taken apart into events, and events put together into bodies."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from shared.errors import CarnetError, RefusedError

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

MAX_EVENTS: Final = 200
MAX_BYTES: Final = 1024 * 1024
"""Limits of one message, outbox row and batch (design §3)."""

_MAX_DIGITS: Final = 19

_CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
"""`Unreadable` is a dataclass, and must never be written as if it were data."""


class OversizedEventError(CarnetError):
    """One event alone is larger than a message may be: its consumers would refuse it, so it never leaves."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in a parsed document for a value that JSON allows and Carnet does not."""

    code: str


def split(body: bytes, content_type: str | None, *, strict: bool) -> list[Any]:
    """Return the events of a message, parsed but not validated; raise `RefusedError` if it is no message at all.

    ``strict`` is for what comes from outside: duplicate keys, NaN, ``-0``, fractions and oversized integers are
    marked in place as `Unreadable`, so that only their own event is refused and its neighbours go on.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind not in (SINGLE, BATCH):
        raise RefusedError("content-type")
    if len(body) > MAX_BYTES:
        raise RefusedError("message-too-large")
    document = _parse_strict(body) if strict else _parse(body)
    if kind == SINGLE:
        return [document]
    if not isinstance(document, list) or not document:
        raise RefusedError("batch-malformed")
    if len(document) > MAX_EVENTS:
        raise RefusedError("batch-too-long")
    return document


def canonical(document: Any) -> bytes:
    """Return a parsed event as JSON with sorted keys; raise `RefusedError` for what JSON cannot carry safely."""
    try:
        return orjson.dumps(document, option=_CANONICAL, default=_refuse_unreadable)
    except orjson.JSONEncodeError as error:
        if isinstance(error.__cause__, RefusedError):
            raise error.__cause__ from None
        raise RefusedError("json-malformed" if "Recursion" in str(error) else "text-not-unicode") from None


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


def _parse_strict(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_int=_bounded_integer,
            parse_float=_no_fraction,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        raise RefusedError("json-malformed") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> Any:
    table = dict(pairs)
    return table if len(table) == len(pairs) else Unreadable("json-duplicate-key")


def _bounded_integer(text: str) -> Any:
    if text == "-0":
        return Unreadable("number-negative-zero")
    return int(text) if len(text) <= _MAX_DIGITS else Unreadable("number-too-large")


def _no_fraction(_text: str) -> Unreadable:
    return Unreadable("number-not-integer")


def _no_constant(_text: str) -> Unreadable:
    return Unreadable("number-not-finite")


def _refuse_unreadable(value: object) -> NoReturn:
    raise RefusedError(value.code if isinstance(value, Unreadable) else "json-malformed")
