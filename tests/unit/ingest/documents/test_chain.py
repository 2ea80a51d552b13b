"""Replacements, in every order in which they may arrive."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.ingest.domain.documents.chain import Status, Version, chains, current_of, statuses

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def _version(unique_id: str, *replaces: str, day: int = 0) -> Version:
    return Version(unique_id, BEGINNING + timedelta(days=day), replaces)


def _approved(*versions: Version) -> set[str]:
    return {unique_id for unique_id, status in statuses(versions).items() if status is Status.APPROVED}


CASES = {
    "alone": ((_version("a"), _version("b")), {"a", "b"}),
    "line": ((_version("a"), _version("b", "a"), _version("c", "b"), _version("d", "c")), {"d"}),
    "two lines": ((_version("a"), _version("b", "a"), _version("x"), _version("y", "x")), {"b", "y"}),
    "unknown target": ((_version("b", "a"), _version("c", "b")), {"c"}),
    "joined by an unknown target": ((_version("b", "a", day=1), _version("c", "a", day=2)), {"c"}),
    "two replacements, the later wins": (
        (_version("a"), _version("b", "a", day=2), _version("c", "a", day=1), _version("d", "c", day=1)),
        {"b"},
    ),
    "two replacements at once": ((_version("a"), _version("b", "a"), _version("c", "a")), {"c"}),
    "two in one": ((_version("a"), _version("b"), _version("c", "a", "b")), {"c"}),
    "older date replaces": ((_version("a", day=5), _version("b", "a", day=1)), {"b"}),
    "circle": ((_version("a", "b", day=1), _version("b", "a"), _version("c", day=9)), {"a", "c"}),
    "itself": ((_version("a", "a"), _version("b")), {"a", "b"}),
}


@pytest.mark.parametrize(("versions", "expected"), CASES.values(), ids=CASES)
def test_any_order(versions, expected):
    """F30: whatever the order of arrival, the same documents are current, one in each chain."""
    orders = list(permutations(versions))
    assert {frozenset(_approved(*order)) for order in orders} == {frozenset(expected)}
    assert all(dict(statuses(order)) == dict(statuses(versions)) for order in orders)


@pytest.mark.parametrize("versions", [versions for versions, _ in CASES.values()], ids=CASES)
def test_one_current_at_every_step(versions):
    """F30: after each arrival, every document that arrived has a status and every chain one current document."""
    for order in permutations(versions):
        for length in range(1, len(order) + 1):
            arrived = order[:length]
            assert statuses(arrived).keys() == {one.unique_id for one in arrived}
            assert len(_approved(*arrived)) == len(chains(arrived))


def test_replacement_first():
    """F30: a document that arrives after its replacement is deprecated at once."""
    assert statuses([_version("b", "a"), _version("a")])["a"] is Status.DEPRECATED


def test_follow_to_the_newest():
    """F30: from any document of a chain one finds the current one, however long the chain is."""
    line = [_version("v0"), *(_version(f"v{number}", f"v{number - 1}") for number in range(1, 5000))]
    [chain] = chains(reversed(line))
    assert len(chain) == len(line)
    assert current_of(chain).unique_id == "v4999"
