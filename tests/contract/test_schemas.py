"""The contracts as others see them: schemas that are fresh, examples that hold, changes that only add."""

import json
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import audit, insurers, ledger
from shared.contracts.event import Event
from shared.contracts.schema import CONTRACTS, FOLDER, as_text, is_additive, schema_of
from shared.messaging.topology import EVENTS, FLOWS, LEDGER, LOGGED, UPSTREAM

ROOT = Path(__file__).parents[2]
EXAMPLES = FOLDER.parent / "examples"
BY_TYPE = {contract.TYPE: contract for contract in CONTRACTS}


def test_every_contract_is_listed():
    """A class of contract that is not in the table would have no schema and no example."""
    kinds = {kind for kind in _subclasses(Event) if kind.__module__.startswith("shared.contracts.")}
    assert {kind for kind in kinds if "TYPE" in vars(kind)} == set(CONTRACTS)


def test_wire_types_are_what_they_were():
    """A wire type is a promise: none is renamed by renaming a class."""
    assert [contract.TYPE for contract in CONTRACTS] == [
        "beneficiary.registered.v1",
        "reimbursement.settled.v1",
        "beneficiary.accepted.v1",
        "reimbursement.received.v1",
        "document.received.v1",
        "beneficiary.refused.v1",
        "reimbursement.refused.v1",
        "message.refused.v1",
        "account.opened.v1",
        "record.updated.v1",
        "document.stored.v1",
        "document.refused.v1",
        "notice.requested.v1",
        "account.opposed.v1",
        "account.closed.v1",
        "history.requested.v1",
        "oversight.changed.v1",
        "notice.sent.v1",
        "notice.undeliverable.v1",
        "access.traced.v1",
        "access.counted.v1",
        "access.logged.v1",
        "entries.erased.v1",
        "operator.acted.v1",
        "ledger.stated.v1",
    ]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.TYPE)
def test_schemas_are_fresh(contract: type[Event]):
    """The committed schema is what the code says; `python -m shared.contracts.schema` writes it."""
    assert (FOLDER / f"{contract.TYPE}.json").read_text("utf-8") == as_text(schema_of(contract))


def test_no_schema_is_left_over():
    """A schema whose contract is gone is gone too."""
    assert {path.stem for path in FOLDER.iterdir()} == BY_TYPE.keys()


@pytest.mark.parametrize("wire_type", BY_TYPE)
def test_every_contract_has_an_example(wire_type: str):
    """Whoever reads a contract finds an event to look at."""
    assert list((EXAMPLES / wire_type).glob("*.json"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_examples_hold(path: Path):
    """An example is accepted by its contract, and comes out as it went in."""
    contract = BY_TYPE[path.parent.name]
    written = json.loads(path.read_text("utf-8"))
    event = contract.model_validate(written)
    again = json.loads(event.to_json())
    assert {**again, "data": {**again["data"], **written["data"]}} == again
    assert {name: again[name] for name in written} == written | {"data": again["data"]}


def test_the_table_names_every_contract():
    """The table of messages in the README has a row per contract."""
    table = (FOLDER.parent / "README.md").read_text("utf-8")
    assert all(f"| `{contract.TYPE}` | `{contract.__name__}` |" in table for contract in CONTRACTS)


def test_the_table_names_every_taker():
    """The table says who takes a message, and the queues say the same."""
    rows = [line.split("|") for line in (FOLDER.parent / "README.md").read_text("utf-8").splitlines() if "V1`" in line]
    for row in rows:
        contract = BY_TYPE[row[1].strip(" `")]
        beside = {insurers.__name__: UPSTREAM, audit.__name__: LOGGED, ledger.__name__: LEDGER}
        exchange = beside.get(contract.__module__, EVENTS)
        takers = {flow.consumer for flow in FLOWS if flow.exchange == exchange and flow.key in (contract.TYPE, "#")}
        assert set(row[4].replace(" the insurer,", "").strip().split(", ")) == takers, contract.TYPE


def _old() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "paid": {"type": "integer"},
            "act": {"$ref": "#/$defs/Act"},
            "title": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]},
        },
        "required": ["paid"],
        "$defs": {"Act": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}},
    }


def _changed(*path: str, value: Any = None, remove: bool = False) -> dict[str, Any]:
    schema = deepcopy(_old())
    place = schema
    for step in path[:-1]:
        place = place[step]
    if remove:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return schema


@pytest.mark.parametrize(
    "new",
    [
        _old(),
        _changed("properties", "note", value={"type": "string"}),
        _changed("$defs", "Act", "properties", "label", value={"type": "string"}),
        _changed("$defs", "Other", value={"type": "string"}),
        _changed("description", value="better said"),
    ],
)
def test_adding_is_additive(new: dict[str, Any]):
    """An optional field, at any depth, may be added; prose may change."""
    assert is_additive(_old(), new)


@pytest.mark.parametrize(
    "new",
    [
        _changed("properties", "paid", remove=True),
        _changed("properties", "paid", "type", value="string"),
        _changed("properties", "title", "anyOf", value=[{"type": "string", "maxLength": 5}, {"type": "null"}]),
        _changed("properties", "title", "anyOf", value=[{"type": "string", "maxLength": 9}]),
        _changed("properties", "paid", "maximum", value=10),
        _changed("required", value=["paid", "act"]),
        _changed("required", value=[]),
        _changed("additionalProperties", value=False),
        _changed("$defs", "Act", "additionalProperties", value=False),
        _changed("properties", "act", "required", value=["code"]),
        _changed("properties", "title", remove=True),
        _changed("$defs", "Act", "required", value=[]),
    ],
)
def test_anything_else_is_a_new_version(new: dict[str, Any]):
    """A field that is gone, narrowed, of another type, or newly required would break a reader or a sender."""
    assert not is_additive(_old(), new)


def test_changes_since_the_last_release_only_add():
    """A released contract stays readable by whoever was built against it."""
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v*")
    if not tag:
        pytest.skip("nothing is released yet, so no contract binds anybody")
    for contract in CONTRACTS:
        released = _git("show", f"{tag}:shared/contracts/schemas/{contract.TYPE}.json")
        assert not released or is_additive(json.loads(released), schema_of(contract)), contract.TYPE


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _subclasses(kind: type[Event]) -> set[type[Event]]:
    below = set(kind.__subclasses__())
    return below.union(*map(_subclasses, below))
