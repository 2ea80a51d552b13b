"""Whatever an insurer sends: it is taken, or it gets a listed code, and nothing of it is repeated."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.handlers.admission import admit
from services.ingest.handlers.beneficiaries import accept_beneficiaries
from services.ingest.handlers.refusals import refuse_unreadable
from services.ingest.handlers.reimbursements import accept_reimbursements
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.contracts.reasons import REASONS
from shared.errors import RefusedError
from shared.messaging.cloudevents import SINGLE, split
from shared.messaging.delivery import Refusal
from shared.messaging.unit import Outcome, State, Unit
from shared.strict_json import canonical
from tests.fakes.ingest import (
    INDEX_KEY,
    INSURERS,
    InMemoryIdentities,
    StoppedClock,
    delivery,
    line,
    person,
    registered,
    settled,
)
from tests.fakes.vault import InMemoryVault

CANARY = "CANARY-7f3a"


async def _treat(text: bytes, wire_type: str) -> tuple[Outcome, Unit]:
    """Take one message the whole way, and return what became of its event and all that would be published."""
    unit = Unit()
    come = delivery(wire_type, body=text)
    try:
        (document,) = split(text, SINGLE, strict=True)
        canonical(document)
        event = admit(document, come, insurers=INSURERS)
    except RefusedError as error:
        refusal = Refusal(error, 0, None, come.message_id, come.user, wire_type)
        refuse_unreadable([refusal], unit, insurers=INSURERS, clock=StoppedClock())
        return Outcome(State.REFUSED, error.code, error.field), unit
    common: dict[str, Any] = {
        "vault": InMemoryVault(),
        "insurers": INSURERS,
        "index_key": INDEX_KEY,
        "clock": StoppedClock(),
        "production": False,
    }
    if isinstance(event, BeneficiaryRegisteredV1):
        await accept_beneficiaries([event], unit, identities=InMemoryIdentities(), **common)
    else:
        assert isinstance(event, ReimbursementSettledV1)
        await accept_reimbursements([event], unit, **common)
    return unit.outcome_of(event), unit


def _paid(literal: str) -> bytes:
    return json.dumps(settled(line(paid="@"))).replace('"@"', literal).encode()


TABLE: dict[str, tuple[bytes, str]] = {
    "malformed JSON": (b'{"specversion": "1.0"', "json-malformed"),
    "no UTF-8": (b'{"a": "\xff"}', "json-malformed"),
    "too deep": (b"[" * 100_000, "json-malformed"),
    "17 MB": (b" " * 17_000_000, "message-too-large"),
    "wrong envelope": (b"{}", "field-missing"),
    "no envelope": (b"[1]", "envelope-invalid"),
    "unknown type": (json.dumps(settled(type="care.given.v1")).encode(), "type-unknown"),
    "unknown version": (json.dumps(settled(type="reimbursement.settled.v2")).encode(), "type-unknown"),
    "unknown field": (json.dumps(settled(line(**{CANARY: 1}))).encode(), "field-unknown"),
    "key with $": (json.dumps(settled(line(**{f"${CANARY}": 1}))).encode(), "field-unknown"),
    "key with dots": (json.dumps(settled(line(**{f"act.{CANARY}": 1}))).encode(), "field-unknown"),
    "key with NUL": (json.dumps(settled(line(**{f"\0{CANARY}": 1}))).encode(), "field-unknown"),
    "wrong INS key": (
        json.dumps(settled(line(ins={"value": "279035121518900", "oid": "1.2.250.1.213.1.4.8"}))).encode(),
        "ins-key",
    ),
    "foreign source": (json.dumps(settled(source="/insurers/msa")).encode(), "source-foreign"),
    "inconsistent amounts": (_paid("2800"), "amount-inconsistent"),
    "negative amount": (_paid("-2700"), "amount-negative"),
    "-0": (_paid("-0"), "number-negative-zero"),
    "1e-7": (_paid("1e-7"), "number-not-integer"),
    "NaN": (_paid("NaN"), "number-not-finite"),
    "Infinity": (_paid("Infinity"), "number-not-finite"),
    "5,000 digits": (_paid("9" * 5000), "number-too-large"),
    "lone surrogate": (_paid('"\\udc00"'), "text-not-unicode"),
    "duplicate key": (_paid('{"a": 1, "a": 1}'), "json-duplicate-key"),
    "no such day": (json.dumps(settled(line(care_start="2026-02-29"))).encode(), "date-invalid"),
    "day as a number": (json.dumps(settled(line(care_start=20260103))).encode(), "date-invalid"),
}


@pytest.mark.parametrize(("text", "code"), TABLE.values(), ids=TABLE)
async def test_bad_input(text, code):
    """Every kind of bad input has its stable code, and the answer repeats nothing of it."""
    outcome, unit = await _treat(text, "reimbursement.settled.v1")
    assert (outcome.state, outcome.reason) == (State.REFUSED, code)
    assert len(unit.emitted) == 2
    assert not unit.effects
    for emitted in unit.emitted:
        written = emitted.event.to_json()
        assert CANARY.encode() not in written
        assert b"27903512" not in written


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=20),
    st.just(CANARY),
    st.dates().map(str),
    st.sampled_from(["2026-11-03", "8" * 12, "1" * 10, "ALL", "/", "\0", "0", "R\u00e9"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all members of a document."""
    if not isinstance(value, dict | list):
        return []
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    return [place for key in keys for place in [(*path, key), *_places(value[key], (*path, key))]]


@st.composite
def _mutations(draw: st.DrawFn, original: dict[str, Any]) -> dict[str, Any]:
    """Replace, remove or add members of an honest document."""
    document = deepcopy(original)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(_places(document)))
        place: Any = document
        for parent in parents:
            place = place[parent]
        act = draw(st.sampled_from(["replace", "remove", "add"]))
        if act == "replace":
            place[last] = draw(junk)
        elif act == "remove":
            del place[last]
        elif isinstance(place, dict):
            place[draw(st.text(max_size=8))] = draw(junk)
        if not document:
            break
    return document


ENDS = {State.DONE, State.REFUSED, State.QUARANTINED, State.WAITING, State.IGNORED}


async def _judge(document: dict[str, Any], wire_type: str) -> None:
    outcome, unit = await _treat(json.dumps(document).encode(), wire_type)
    assert outcome.state in ENDS
    assert (outcome.reason is None) == (outcome.state is State.DONE)
    assert outcome.reason is None or outcome.reason in REASONS
    if outcome.state in (State.REFUSED, State.QUARANTINED):
        data = unit.emitted[0].event.data
        assert outcome.reason == data.model_dump()["reason"]


@settings(max_examples=300, deadline=None)
@given(document=_mutations(settled()))
async def test_any_line(document):
    """Any mutation of an honest line is taken or gets a listed code, and raises nothing else (F45)."""
    await _judge(document, "reimbursement.settled.v1")


@settings(max_examples=300, deadline=None)
@given(document=_mutations(registered(person())))
async def test_any_registration(document):
    """Any mutation of an honest registration is taken or gets a listed code, and raises nothing else (F19)."""
    await _judge(document, "beneficiary.registered.v1")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
async def test_any_bytes(text):
    """Any bytes are refused with a listed code."""
    outcome, _ = await _treat(text, "reimbursement.settled.v1")
    assert outcome.state is State.REFUSED
    assert outcome.reason in REASONS
