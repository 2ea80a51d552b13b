"""The table of those who may publish."""

import json

import pytest

from services.ingest.domain.insurers import parse_insurers

ROW = {
    "code": "cpam-44",
    "user": "insurer.cpam-44",
    "source": "/insurers/cpam-44",
    "regime": "RG",
    "name": "CPAM",
    "caisses": ["441"],
}


def test_table():
    """An insurer is found by the broker's user and by its source."""
    table = parse_insurers(json.dumps([ROW, {**ROW, "code": "b", "user": "b", "source": "/b", "caisses": []}]))
    assert table.by_user["insurer.cpam-44"] is table.by_source["/insurers/cpam-44"]
    assert table.by_user["b"].caisses == frozenset()
    assert table.codes == ("cpam-44", "b")


@pytest.mark.parametrize("name", ["code", "user", "source"])
def test_twins(name):
    """Two insurers that cannot be told apart are a fault of the table."""
    other = {**ROW, "code": "b", "user": "b", "source": "/b", name: ROW[name]}
    with pytest.raises(ValueError, match=name):
        parse_insurers(json.dumps([ROW, other]))


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"code": "a"}]', json.dumps([{**ROW, "more": 1}])])
def test_no_table(content):
    """What is not a list of complete insurers is not taken for one."""
    with pytest.raises(ValueError, match="insurer"):
        parse_insurers(content)
