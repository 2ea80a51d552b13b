"""Replacements, in every order in which they may arrive."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.records.domain.chain import Link, Status, chains, current_of, inherit_mask, statuses

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def _link(document: str, *replaces: str, day: int = 0) -> Link:
    return Link(document, BEGINNING + timedelta(days=day), replaces)


def _approved(*links: Link) -> set[str]:
    return {document for document, status in statuses(links).items() if status is Status.APPROVED}


CASES = {
    "alone": ((_link("a"), _link("b")), {"a", "b"}),
    "line": ((_link("a"), _link("b", "a"), _link("c", "b"), _link("d", "c")), {"d"}),
    "two lines": ((_link("a"), _link("b", "a"), _link("x"), _link("y", "x")), {"b", "y"}),
    "unknown target": ((_link("b", "a"), _link("c", "b")), {"c"}),
    "joined by an unknown target": ((_link("b", "a", day=1), _link("c", "a", day=2)), {"c"}),
    "two replacements, the later wins": (
        (_link("a"), _link("b", "a", day=2), _link("c", "a", day=1), _link("d", "c", day=1)),
        {"b"},
    ),
    "two replacements at once": ((_link("a"), _link("b", "a"), _link("c", "a")), {"c"}),
    "two in one": ((_link("a"), _link("b"), _link("c", "a", "b")), {"c"}),
    "older date replaces": ((_link("a", day=5), _link("b", "a", day=1)), {"b"}),
    "circle": ((_link("a", "b", day=1), _link("b", "a"), _link("c", day=9)), {"a", "c"}),
    "itself": ((_link("a", "a"), _link("b")), {"a", "b"}),
}


@pytest.mark.parametrize(("links", "expected"), CASES.values(), ids=CASES)
def test_any_order(links, expected):
    """F30: whatever the order of arrival, the same documents are current, one in each chain."""
    orders = list(permutations(links))
    assert {frozenset(_approved(*order)) for order in orders} == {frozenset(expected)}
    assert all(dict(statuses(order)) == dict(statuses(links)) for order in orders)


@pytest.mark.parametrize("links", [links for links, _ in CASES.values()], ids=CASES)
def test_one_current_at_every_step(links):
    """F30: after each arrival, every document that arrived has a status and every chain one current document."""
    for order in permutations(links):
        for length in range(1, len(order) + 1):
            arrived = order[:length]
            assert statuses(arrived).keys() == {one.id for one in arrived}
            assert len(_approved(*arrived)) == len(chains(arrived))


def test_replacement_first():
    """F30: a document that arrives after its replacement is deprecated at once."""
    assert statuses([_link("b", "a"), _link("a")])["a"] is Status.DEPRECATED


def test_follow_to_the_newest():
    """F30: from any document of a chain one finds the current one, however long the chain is."""
    line = [_link("v0"), *(_link(f"v{number}", f"v{number - 1}") for number in range(1, 5000))]
    [chain] = chains(reversed(line))
    assert len(chain) == len(line)
    assert current_of(chain).id == "v4999"


def _said(document: str, *replaces: str, masked: bool | None = None) -> Link:
    return Link(document, BEGINNING, replaces, masked)


MASKS = {
    "nothing masked": ((_said("a"), _said("b", "a")), set()),
    "the next and the one after": ((_said("a", masked=True), _said("b", "a"), _said("c", "b"), _said("d")), {"b", "c"}),
    "not the one before": ((_said("a"), _said("b", "a", masked=True)), set()),
    "shown by the person": ((_said("a", masked=True), _said("b", "a", masked=False), _said("c", "b")), set()),
    "one of two": ((_said("a", masked=True), _said("b"), _said("c", "a", "b")), {"c"}),
    "circle": ((_said("a", "b", masked=True), _said("b", "a")), {"b"}),
    "itself": ((_said("a", "a"), _said("b", "b", masked=True)), set()),
}


@pytest.mark.parametrize(("links", "expected"), MASKS.values(), ids=MASKS)
def test_a_mask_goes_on(links, expected):
    """F33: what replaces a document that the person masked is masked, in every order of arrival."""
    assert all(inherit_mask(order) == expected for order in permutations(links))
