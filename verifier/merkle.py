"""The Merkle tree of RFC 6962 §2.1: how leaves become one root, and what a proof of it has to show.

Hashes are 32 bytes of SHA-256. A leaf and an inner node are hashed with different first bytes, so that neither can
be taken for the other.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from verifier.faults import TamperedError

EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves."""

MAX_PATH: Final = 63
"""No proof is longer: a tree has fewer than 2^63 leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf's bytes."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: one hash for each complete subtree, the largest first."""

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if len(self.nodes) != size.bit_count():
            raise ValueError("a frontier has one node for each bit of its size")

    def append(self, hashed: bytes) -> None:
        """Add the hash of one more leaf."""
        size = self.size
        while size & 1:
            hashed = node_hash(self.nodes.pop(), hashed)
            size >>= 1
        self.nodes.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        if not self.nodes:
            return EMPTY_ROOT
        *rest, root = self.nodes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def root_of_inclusion(index: int, size: int, hashed: bytes, path: Sequence[bytes]) -> bytes:
    """Return the root that a path from a leaf's hash leads to (RFC 9162 §2.1.3.2).

    Raise `TamperedError` if a path of this length cannot belong to this leaf of a tree of this size.
    """
    _check_path(path)
    if not 0 <= index < size:
        raise TamperedError("proof-index")
    place, last, root = index, size - 1, hashed
    for sibling in path:
        if last == 0:
            raise TamperedError("proof-too-long")
        if place & 1 or place == last:
            root = node_hash(sibling, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise TamperedError("proof-too-short")
    return root


def check_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raise `TamperedError` unless the new tree is the old one with leaves added (RFC 9162 §2.1.4.2)."""
    _check_path(path)
    if not 0 <= old_size <= new_size:
        raise TamperedError("proof-size")
    if old_size in (0, new_size):
        if path:
            raise TamperedError("proof-too-long")
        if old_root != (new_root if old_size else EMPTY_ROOT):
            raise TamperedError("root-mismatch")
        return
    if roots_of_consistency(old_size, new_size, old_root, path) != (old_root, new_root):
        raise TamperedError("root-mismatch")


def roots_of_consistency(old_size: int, new_size: int, old_root: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the old and the new root that a path leads to; ``0 < old_size < new_size``."""
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    # A complete old tree is itself a node of the new one, and the path does not repeat it.
    nodes = path if old_size & (old_size - 1) else [old_root, *path]
    if not nodes:
        raise TamperedError("proof-too-short")
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise TamperedError("proof-too-long")
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, node)
        place, last = place >> 1, last >> 1
    if last:
        raise TamperedError("proof-too-short")
    return old, new


def _check_path(path: Sequence[bytes]) -> None:
    if len(path) > MAX_PATH:
        raise TamperedError("proof-too-long")
    if any(len(node) != sha256().digest_size for node in path):
        raise TamperedError("proof-hash-length")
