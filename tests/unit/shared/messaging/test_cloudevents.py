"""A message taken apart: JSON that is allowed and unsafe is refused event by event, with a stable code."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.reasons import REASONS
from shared.errors import RefusedError
from shared.messaging.cloudevents import (
    BATCH,
    MAX_BYTES,
    MAX_EVENTS,
    SINGLE,
    OversizedEventError,
    join,
    slices,
    split,
)
from shared.strict_json import Unreadable, canonical

NEIGHBOUR = b'{"id": "good"}'

WHOLE: dict[str, tuple[bytes, str | None, str]] = {
    "no content type": (b"{}", None, "content-type"),
    "plain JSON": (b"{}", "application/json", "content-type"),
    "binary mode": (b"{}", "text/plain", "content-type"),
    "nothing": (b"", SINGLE, "json-malformed"),
    "half": (b'{"id": "1"', SINGLE, "json-malformed"),
    "two documents": (b"{}{}", SINGLE, "json-malformed"),
    "trailing comma": (b'{"id": 1,}', SINGLE, "json-malformed"),
    "no UTF-8": (b'{"id": "\xff"}', SINGLE, "json-malformed"),
    "byte order mark": (b"\xef\xbb\xbf{}", SINGLE, "json-malformed"),
    "UTF-16": ("{}".encode("utf-16"), SINGLE, "json-malformed"),
    "control character": (b'{"id": "a\x00b"}', SINGLE, "json-malformed"),
    "depth bomb": (b"[" * 500_000, SINGLE, "json-malformed"),
    "closed depth bomb": (b"[" * 50_000 + b"]" * 50_000, BATCH, "json-malformed"),
    "over 1 MiB": (b" " * (MAX_BYTES + 1), SINGLE, "message-too-large"),
    "batch of nothing": (b"[]", BATCH, "batch-malformed"),
    "batch that is none": (b"{}", BATCH, "batch-malformed"),
    "batch of 201": (b"[" + b",".join([NEIGHBOUR] * 201) + b"]", BATCH, "batch-too-long"),
}

ONE: dict[str, tuple[bytes, str]] = {
    "NaN": (b'{"data": {"paid": NaN}}', "number-not-finite"),
    "Infinity": (b'{"data": {"paid": -Infinity}}', "number-not-finite"),
    "minus zero": (b'{"data": {"paid": -0}}', "number-negative-zero"),
    "minus zero with a point": (b'{"data": {"paid": -0.0}}', "number-not-integer"),
    "fraction": (b'{"data": {"paid": 12.50}}', "number-not-integer"),
    "small": (b'{"data": {"paid": 1e-7}}', "number-not-integer"),
    "whole with an exponent": (b'{"data": {"paid": 1E2}}', "number-not-integer"),
    "overflowing": (b'{"data": {"paid": 1e999}}', "number-not-integer"),
    "5,000 digits": (b'{"data": {"paid": ' + b"9" * 5_000 + b"}}", "number-too-large"),
    "20 digits": (b'{"data": {"paid": ' + b"9" * 20 + b"}}", "number-too-large"),
    "lone surrogate": (b'{"data": {"name": "\\ud800"}}', "text-not-unicode"),
    "lone surrogate in a key": (b'{"data": {"\\udfff": 1}}', "text-not-unicode"),
    "duplicate key": (b'{"id": "1", "id": "2"}', "json-duplicate-key"),
    "deep duplicate key": (b'{"data": [{"a": 1, "a": 1}]}', "json-duplicate-key"),
    "300 levels": (b'{"data": ' + b"[" * 300 + b"]" * 300 + b"}", "json-malformed"),
}

ALLOWED: dict[str, bytes] = {
    "19 digits": b'{"n": 9999999999999999999}',
    "the least number": b'{"n": -999999999999999999}',
    "zero": b'{"n": 0}',
    "key with a dollar": b'{"$set": {"a.b": 1}}',
    "key with NUL": b'{"a\\u0000b": 1}',
    "empty key": b'{"": 1}',
    "pair of surrogates": b'{"name": "\\ud83d\\ude00"}',
}


@pytest.mark.parametrize(("body", "kind", "code"), WHOLE.values(), ids=WHOLE.keys())
def test_refuses_a_whole_message(body: bytes, kind: str | None, code: str):
    """What is no message at all is refused whole, with a listed code."""
    with pytest.raises(RefusedError) as caught:
        split(body, kind, strict=True)

    assert caught.value.code == code
    assert code in REASONS


@pytest.mark.parametrize(("bad", "code"), ONE.values(), ids=ONE.keys())
def test_refuses_one_event_of_a_batch(bad: bytes, code: str):
    """What JSON allows and Carnet does not is refused for its own event; the neighbours are read."""
    first, middle, last = split(b"[" + b",".join([NEIGHBOUR, bad, NEIGHBOUR]) + b"]", BATCH, strict=True)

    with pytest.raises(RefusedError) as caught:
        canonical(middle)

    assert caught.value.code == code
    assert code in REASONS
    assert canonical(first) == canonical(last) == b'{"id":"good"}'


@pytest.mark.parametrize("body", ALLOWED.values(), ids=ALLOWED.keys())
def test_reads_what_only_looks_odd(body: bytes):
    """Odd keys and long integers are data like any other here: the contract decides about them, not the parser."""
    (document,) = split(body, SINGLE, strict=True)

    assert json.loads(canonical(document)) == json.loads(body)


@pytest.mark.parametrize("body", [b'{"n": NaN}', b'{"n": "\xff"}', b"[" * 5_000, b'{"s": "\\ud800"}', b""])
def test_own_services_are_read_without_harm(body: bytes):
    """What comes from our own services is read faster, and still cannot break the reader."""
    with pytest.raises(RefusedError, match="json-malformed"):
        split(body, SINGLE, strict=False)


@pytest.mark.parametrize("kind", [SINGLE, f"{SINGLE}; charset=UTF-8", "Application/CloudEvents+JSON"])
def test_content_type_with_parameters(kind: str):
    """A media type is compared as HTTP compares it: without its parameters and in any case."""
    assert split(NEIGHBOUR, kind, strict=True) == [{"id": "good"}]


def test_batch_of_200():
    """A batch of 200 is taken whole."""
    assert len(split(b"[" + b",".join([NEIGHBOUR] * MAX_EVENTS) + b"]", BATCH, strict=True)) == MAX_EVENTS


def test_refusals_do_not_quote():
    """No refusal holds anything of what was sent."""
    with pytest.raises(RefusedError) as caught:
        split(b'{"name": "CANARY', SINGLE, strict=True)

    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_canonical_form():
    """The canonical form does not depend on the order of keys or on white space."""
    one, other = (
        split(body, SINGLE, strict=True)[0]
        for body in (b'{"b": 1, "a": {"d": 2, "c": 3}}', b'{"a":{"c":3,"d":2},"b":1}')
    )

    assert canonical(one) == canonical(other) == b'{"a":{"c":3,"d":2},"b":1}'


def test_unreadable_alone():
    """A whole document can be unreadable."""
    (document,) = split(b"NaN", SINGLE, strict=True)

    assert document == Unreadable("number-not-finite")


@given(st.binary(max_size=400), st.sampled_from([SINGLE, BATCH, None]), st.booleans())
def test_never_breaks(body: bytes, kind: str | None, strict: bool):
    """Whatever the bytes: they are read, or refused with a listed code; nothing else is ever raised."""
    try:
        for document in split(body, kind, strict=strict):
            canonical(document)
    except RefusedError as error:
        assert error.code in REASONS  # noqa: PT017 - either end is right


@given(st.lists(st.integers(min_value=1, max_value=MAX_BYTES), max_size=12))
def test_slices_keep_the_limits(sizes: list[int]):
    """Every message keeps the limits and no event is lost, doubled or turned round (design §3)."""
    bodies = [bytes([65 + n]) * size for n, size in enumerate(sizes)]
    parts = list(slices(bodies))

    assert [body for part in parts for body in part] == bodies
    assert all(len(join(part)[0]) <= MAX_BYTES for part in parts)
    assert all(0 < len(part) <= MAX_EVENTS for part in parts)


def test_slices_by_number():
    """At most 200 events go into a message, and no fewer than could (design §3)."""
    assert [len(part) for part in slices([b"{}"] * 450)] == [200, 200, 50]


def test_slices_fill_a_message():
    """Two halves that fit exactly are one message."""
    half = b"x" * ((MAX_BYTES - 3) // 2)

    assert [len(part) for part in slices([half, half])] == [2]
    assert [len(part) for part in slices([half, half + b"xx"])] == [1, 1]


def test_event_that_no_message_can_carry():
    """An event over 1 MiB fails where it is made, not at each of its readers."""
    with pytest.raises(OversizedEventError):
        list(slices([b"{}", b"x" * (MAX_BYTES + 1)]))


def test_joins_what_it_splits():
    """One event travels alone, several as a batch, and both come back as they were."""
    for bodies in ([NEIGHBOUR], [NEIGHBOUR, b"{}"]):
        body, kind = join(bodies)
        assert kind == (SINGLE if len(bodies) == 1 else BATCH)
        assert split(body, kind, strict=True) == [json.loads(each) for each in bodies]
