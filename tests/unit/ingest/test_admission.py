"""Who may publish what: everything that is refused before any rule of the domain is asked."""

import json
from typing import Any, get_args

import pytest
from pydantic_core.core_schema import ErrorType

from services.ingest.handlers.admission import CODES, admission, admit, nothing_known
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.contracts.reasons import REASONS
from shared.errors import RefusedError
from shared.messaging.cloudevents import SINGLE, split
from shared.strict_json import canonical
from tests.fakes.ingest import CPAM, INS, INSURERS, MSA, delivery, line, person, registered, settled

SETTLED = "reimbursement.settled.v1"


def _refusal(document: Any, wire_type: str = SETTLED, user: str | None = CPAM.user) -> tuple[str, str | None]:
    with pytest.raises(RefusedError) as refusal:
        admit(document, delivery(wire_type, user=user), insurers=INSURERS)
    return refusal.value.code, refusal.value.field


def _refusal_of_text(text: bytes) -> str:
    """The path of a message's single event: parsed strictly, made canonical, admitted."""
    with pytest.raises(RefusedError) as refusal:
        _take(text)
    return refusal.value.code


def _take(text: bytes) -> None:
    for document in split(text, SINGLE, strict=True):
        canonical(document)
        admit(document, delivery(SETTLED), insurers=INSURERS)


@pytest.mark.parametrize(
    "number", [INS, f"x-{INS}/1", f"F.{INS[0]}.{INS[1:3]}.{INS[3:5]}-{INS[5:7]}.{INS[7:10]}.{INS[10:]}"]
)
@pytest.mark.parametrize("place", ["id", "correlationid", "causationid"])
def test_no_id_names_the_person(place: str, number: str):
    """An id that holds the person's number, however it is spaced, is refused before it becomes a key."""
    document = registered()
    document[place] = number
    assert _refusal(document, "beneficiary.registered.v1") == ("id-personal", place)


def test_honest():
    """An honest event of each type is admitted as its contract's class."""
    assert isinstance(admit(settled(), delivery(SETTLED), insurers=INSURERS), ReimbursementSettledV1)
    came = delivery("beneficiary.registered.v1")
    assert isinstance(admit(registered(), came, insurers=INSURERS), BeneficiaryRegisteredV1)


@pytest.mark.parametrize(
    ("user", "code"), [(None, "publisher-unauthenticated"), ("ingest", "publisher-unknown"), ("", "publisher-unknown")]
)
def test_publisher(user, code):
    """Only a publisher whom the broker vouches for and the table names is heard, whatever it sends."""
    assert _refusal(settled(), user=user) == (code, None)
    assert _refusal(None, user=user) == (code, None)


def test_source():
    """An insurer names only itself as source, and that is checked before anything else is believed."""
    assert _refusal(settled(), user=MSA.user) == ("source-foreign", "source")
    assert _refusal(settled(source=["x"], type="?", id=None)) == ("source-foreign", "source")
    assert _refusal({}) == ("field-missing", "source")


@pytest.mark.parametrize("document", [None, 1, "x", [], [settled()], True])
def test_no_object(document):
    """What is not an object is no envelope."""
    assert _refusal(document) == ("envelope-invalid", None)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"specversion": "0.3"}, ("envelope-invalid", "specversion")),
        ({"specversion": None}, ("envelope-invalid", "specversion")),
        ({"datacontenttype": "text/xml"}, ("envelope-invalid", "datacontenttype")),
        ({"subject": "0" * 32}, ("envelope-invalid", "subject")),
        ({"type": "reimbursement.settled.v2"}, ("type-unknown", "type")),
        ({"type": "reimbursement.received.v1"}, ("type-unknown", "type")),
        ({"type": {"a": 1}}, ("type-unknown", "type")),
        ({"type": None}, ("field-missing", "type")),
        ({"type": "beneficiary.registered.v1"}, ("type-mismatch", "type")),
        ({"id": "a b"}, ("field-format", "id")),
        ({"id": ""}, ("field-range", "id")),
        ({"id": 7}, ("field-type", "id")),
        ({"time": "2026-11-15T10:00:00"}, ("date-invalid", "time")),
        ({"time": 1700000000}, ("date-invalid", "time")),
        ({"time": "1700000000"}, ("date-invalid", "time")),
        ({"time": "2026-11-31T10:00:00Z"}, ("date-invalid", "time")),
        ({"traceparent": "00-x"}, ("field-format", "traceparent")),
        ({"correlationid": "Jean DUPONT"}, ("field-format", "correlationid")),
        ({"causationid": "jean@example.org"}, ("field-format", "causationid")),
        ({"data": None}, ("field-type", "data")),
        ({"data": []}, ("field-type", "data")),
        ({"$where": 1}, ("field-unknown", None)),
        ({"a.b": 1}, ("field-unknown", None)),
        ({"\0": 1}, ("field-unknown", None)),
    ],
)
def test_envelope(changes, refusal):
    """A wrong envelope has a stable code, and an unknown attribute's name is not repeated."""
    assert _refusal(settled(**changes)) == refusal


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"unheard_of": 1}, ("field-unknown", "data")),
        ({"act__$gt": 1}, ("field-unknown", "data.act")),
        ({"ins__a.b": 1}, ("field-unknown", "data.ins")),
        ({"performer__\0": 1}, ("field-unknown", "data.performer")),
        ({"paid": "2700"}, ("field-type", "data.paid")),
        ({"paid": 27.0}, ("field-type", "data.paid")),
        ({"paid": True}, ("field-type", "data.paid")),
        ({"paid": None}, ("field-type", "data.paid")),
        ({"paid": 10**9}, ("field-range", "data.paid")),
        ({"paid": 10**18}, ("field-range", "data.paid")),
        ({"rate_percent": 101}, ("field-range", "data.rate_percent")),
        ({"currency": "USD"}, ("field-range", "data.currency")),
        ({"regime": "XX"}, ("field-range", "data.regime")),
        ({"minor_secret": "no"}, ("field-type", "data.minor_secret")),
        ({"act__label": ""}, ("field-range", "data.act.label")),
        ({"act__label": "x" * 121}, ("field-range", "data.act.label")),
        ({"act__code": "a"}, ("field-format", "data.act.code")),
        ({"act__family": "XX"}, ("field-range", "data.act.family")),
        ({"line": 0}, ("field-range", "data.line")),
        ({"care_start": "2026-02-30"}, ("date-invalid", "data.care_start")),
        ({"care_start": "03/11/2026"}, ("date-invalid", "data.care_start")),
        ({"care_start": 20260101}, ("date-invalid", "data.care_start")),
        ({"care_start": "0"}, ("date-invalid", "data.care_start")),
        ({"care_start": None}, ("date-invalid", "data.care_start")),
        ({"ins": "279035121518989"}, ("field-type", "data.ins")),
        ({"act__label": "\ud800"}, ("text-not-unicode", "data.act.label")),
    ],
)
def test_contract(changes, refusal):
    """A field that breaks the contract has a stable code and its path, and never its value."""
    assert _refusal(settled(line(**changes))) == refusal


@pytest.mark.parametrize("name", sorted(line().keys() - {"prescriber", "prescribed_on", "excess"}))
def test_missing(name):
    """Every field that the contract requires is missed by its own name."""
    data = line()
    del data[name]
    assert _refusal({**settled(), "data": data}) == ("field-missing", f"data.{name}")


def test_lists_have_one_path():
    """A list's members share the path of the list."""
    document = registered(person(traits__given_names=["Anne", ""]))
    assert _refusal(document, "beneficiary.registered.v1") == ("field-range", "data.traits.given_names")


@pytest.mark.parametrize(
    ("literal", "code"),
    [
        (b"-0", "number-negative-zero"),
        (b"1e-7", "number-not-integer"),
        (b"27.5", "number-not-integer"),
        (b"NaN", "number-not-finite"),
        (b"-Infinity", "number-not-finite"),
        (b"9" * 5000, "number-too-large"),
        (b'"\\ud800"', "text-not-unicode"),
        (b'{"a": 1, "a": 2}', "json-duplicate-key"),
        (b'{"\\ud800": 1}', "text-not-unicode"),
        (b'{"$gt": 0}', "field-type"),
        (b"27,5", "json-malformed"),
    ],
)
def test_values_that_json_allows(literal, code):
    """A number or text that only looks harmless has its own code, wherever it stands."""
    text = json.dumps(settled(line(paid="@"))).encode().replace(b'"@"', literal)
    assert _refusal_of_text(text) == code


@pytest.mark.parametrize(("literal", "code"), [("-0", "number-negative-zero"), ("NaN", "number-not-finite")])
def test_unreadable_in_place(literal, code):
    """A value marked unreadable is refused by its own code and its place, even if nothing made it canonical."""
    text = json.dumps(settled(line(paid="@"))).replace('"@"', literal).encode()
    assert _refusal(split(text, SINGLE, strict=True)[0]) == (code, "data.paid")


def test_admission_of_a_flow():
    """A flow admits its own contract only; the flow of unknown types admits nothing, not even a known one."""
    admit_line = admission(ReimbursementSettledV1, INSURERS)
    assert admit_line(settled(), b"", delivery(SETTLED)).id == "F-2026-11/7"
    with pytest.raises(RefusedError, match=r"^type-mismatch"):
        admission(BeneficiaryRegisteredV1, INSURERS)(settled(), b"", delivery(SETTLED))
    with pytest.raises(RefusedError, match=r"^type-unknown"):
        nothing_known(INSURERS)(settled(), b"", delivery(SETTLED))
    with pytest.raises(RefusedError, match=r"^type-unknown"):
        nothing_known(INSURERS)(settled(type="x.y.v1"), b"", delivery("x.y.v1"))


def test_codes_are_listed():
    """Every code that the table gives is explained, and every error type in it is one of pydantic's."""
    assert set(CODES.values()) <= REASONS.keys()
    assert CODES.keys() <= set(get_args(ErrorType))
