"""JSON from outside, read without a second meaning: no key twice, no number that another reader takes otherwise."""

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from shared.errors import RefusedError

_MAX_DIGITS: Final = 19

_CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
"""`Unreadable` is a dataclass, and must never be written as if it were data."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in a parsed document for a value that JSON allows and Carnet does not."""

    code: str


def parse(body: bytes) -> Any:
    """Return a document; raise `RefusedError` if it is no JSON in UTF-8.

    Duplicate keys, NaN, ``-0``, fractions and oversized integers are marked in place as `Unreadable`, so that a
    reader may refuse the one part that holds them and go on with its neighbours.
    """
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


def canonical(document: Any) -> bytes:
    """Return a parsed event as JSON with sorted keys; raise `RefusedError` for what JSON cannot carry safely."""
    try:
        return orjson.dumps(document, option=_CANONICAL, default=_refuse_unreadable)
    except orjson.JSONEncodeError as error:
        if isinstance(error.__cause__, RefusedError):
            raise error.__cause__ from None
        raise RefusedError("json-malformed" if "Recursion" in str(error) else "text-not-unicode") from None


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
