"""The tree and its proofs, beside RFC 6962 §2.1 written down once more as the recursion that it is."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.faults import TamperedError
from verifier.merkle import EMPTY_ROOT, Frontier, check_consistency, leaf_hash, node_hash, root_of_inclusion

LARGEST = 70

PUBLISHED = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""Roots that Certificate Transparency's implementations agree on, for the leaves below."""

PUBLISHED_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]


def mth(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of RFC 6962 §2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = split(len(leaves))
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def split(n: int) -> int:
    """Return the largest power of two smaller than n."""
    return 1 << ((n - 1).bit_length() - 1)


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return PATH(m, D) of §2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes], *, known: bool = True) -> list[bytes]:
    """Return PROOF(m, D) of §2.1.2; ``known`` is the b of SUBPROOF."""
    if m == len(leaves):
        return [] if known else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], known=known), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], known=False), mth(leaves[:k])]


LEAVES = [f"leaf {number}".encode() for number in range(LARGEST)]
ROOTS = [mth(LEAVES[:size]) for size in range(LARGEST + 1)]


def test_published_roots():
    """The tree of the published leaves has the published root at every size."""
    frontier = Frontier()
    for size, root in PUBLISHED.items():
        assert frontier.root().hex() == root
        assert mth(PUBLISHED_LEAVES[:size]).hex() == root
        if size < len(PUBLISHED_LEAVES):
            frontier.append(leaf_hash(PUBLISHED_LEAVES[size]))


def test_the_frontier_knows_every_root():
    """A tree that grows leaf by leaf has the root of the recursion, and can be continued from its frontier."""
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES):
        assert (frontier.size, frontier.root()) == (size, ROOTS[size])
        frontier = Frontier(frontier.size, frontier.nodes)
        frontier.append(leaf_hash(leaf))
    assert frontier.root() == ROOTS[LARGEST]


def test_a_frontier_of_another_size_is_no_frontier():
    """A frontier whose nodes do not fit its size is refused at once."""
    with pytest.raises(ValueError, match="one node"):
        Frontier(3, [EMPTY_ROOT])


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_path_leads_to_the_root(size: int) -> None:
    """Each leaf's path of RFC 6962 leads to the root, and to no other from another place."""
    for index in range(size):
        steps = path(index, LEAVES[:size])
        assert root_of_inclusion(index, size, leaf_hash(LEAVES[index]), steps) == ROOTS[size]
        with pytest.raises(TamperedError):
            root_of_inclusion(index, size, leaf_hash(LEAVES[index]), [*steps, ROOTS[1]])
        if steps:
            with pytest.raises(TamperedError):
                root_of_inclusion(index, size, leaf_hash(LEAVES[index]), steps[:-1])


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_every_growth_is_consistent(size: int) -> None:
    """The proof of RFC 6962 from every smaller tree is accepted; with another root, length or node it is not."""
    for old in range(1, size + 1):
        steps = proof(old, LEAVES[:size])
        check_consistency(old, size, ROOTS[old], ROOTS[size], steps)
        for forged in ([*steps, ROOTS[1]], steps[:-1] if steps else [ROOTS[1]]):
            with pytest.raises(TamperedError):
                check_consistency(old, size, ROOTS[old], ROOTS[size], forged)
        for roots in ((ROOTS[old - 1], ROOTS[size]), (ROOTS[old], ROOTS[size - 1])):
            with pytest.raises(TamperedError):
                check_consistency(old, size, *roots, steps)


def test_growth_from_nothing():
    """From the empty tree no proof is needed, and none is accepted; its root is the hash of nothing."""
    check_consistency(0, 3, EMPTY_ROOT, ROOTS[3], [])
    for old_root, steps in ((ROOTS[1], []), (EMPTY_ROOT, [ROOTS[1]])):
        with pytest.raises(TamperedError):
            check_consistency(0, 3, old_root, ROOTS[3], steps)


@pytest.mark.parametrize(
    ("index", "size", "steps", "code"),
    [
        (0, 0, [], "proof-index"),
        (1, 1, [], "proof-index"),
        (-1, 1, [], "proof-index"),
        (0, 2**62, [ROOTS[1]] * 64, "proof-too-long"),
        (0, 2, [ROOTS[1][:31]], "proof-hash-length"),
    ],
)
def test_paths_that_are_none(index: int, size: int, steps: list[bytes], code: str) -> None:
    """A proof of 64 hashes, of a hash of 31 bytes, or for a tree of size 0 is refused (bad input I108)."""
    with pytest.raises(TamperedError, match=code):
        root_of_inclusion(index, size, ROOTS[1], steps)


def test_a_tree_does_not_shrink():
    """A new tree smaller than the old one is refused."""
    with pytest.raises(TamperedError, match="proof-size"):
        check_consistency(3, 2, ROOTS[3], ROOTS[2], [])


@given(st.data())
def test_one_flipped_bit_is_seen(data: st.DataObject) -> None:
    """A flipped bit anywhere in a path never leads to the root."""
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    steps = path(index, LEAVES[:size])
    place = data.draw(st.integers(0, len(steps) * 256 - 1))
    node = bytearray(steps[place // 256])
    node[place % 256 // 8] ^= 1 << place % 8
    steps[place // 256] = bytes(node)
    assert root_of_inclusion(index, size, leaf_hash(LEAVES[index]), steps) != ROOTS[size]
