"""Which subtrees a root and a proof are made of, by where they stand; no hash is needed to know (RFC 6962 §2.1)."""

from collections.abc import Sequence
from typing import NamedTuple


class Node(NamedTuple):
    """A complete subtree: of 2^height leaves, at a place among those of its height."""

    height: int
    place: int


Nodes = Sequence[Node]
"""Neighbouring subtrees, the larger to the left: together one side of the tree, with one hash."""


def root_nodes(size: int) -> Nodes:
    """Return the subtrees of a whole tree; none for an empty one."""
    return _span(0, size)


def inclusion_nodes(index: int, size: int) -> list[Nodes]:
    """Return what each step of a leaf's path is the hash of, from its sibling up (RFC 6962 §2.1.1)."""
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    start, end, steps = 0, size, []
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            steps.append(_span(middle, end))
            end = middle
        else:
            steps.append(_span(start, middle))
            start = middle
    return steps[::-1]


def consistency_nodes(old: int, new: int) -> list[Nodes]:
    """Return what each step of a proof of growth is the hash of (RFC 6962 §2.1.2); none from the empty tree."""
    if not 0 <= old <= new:
        raise ValueError("a tree does not shrink")
    if old in (0, new):
        return []
    start, end, steps = 0, new, []
    while end != old:
        middle = _middle(start, end)
        if old <= middle:
            steps.append(_span(middle, end))
            end = middle
        else:
            steps.append(_span(start, middle))
            start = middle
    own = [_span(start, end)] if start else []  # who asks knows the root of the old tree
    return own + steps[::-1]


def _span(start: int, end: int) -> Nodes:
    """Return the complete subtrees from one leaf to before another; ``start`` is where a split of the tree left it."""
    nodes = []
    while start < end:
        height = (end - start).bit_length() - 1
        nodes.append(Node(height, start >> height))
        start += 1 << height
    return nodes


def _middle(start: int, end: int) -> int:
    """Return where a tree is split: after the largest power of two leaves that leaves something to the right."""
    return start + (1 << ((end - start - 1).bit_length() - 1))
