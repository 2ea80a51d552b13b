"""The log's tiles give the roots and the proofs that the verifier expects, at every size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.subtrees import consistency_nodes, inclusion_nodes
from services.audit.domain.tree import (
    HASH_BYTES,
    TILE_WIDTH,
    Tile,
    edge_tiles,
    grow,
    hash_of,
    pyramid,
    root_of,
    tile_of,
)
from verifier.merkle import EMPTY_ROOT, Frontier, check_consistency, leaf_hash, root_of_inclusion

LARGEST = 2 * TILE_WIDTH**2 + 700
"""Three levels of tiles."""

HASHES = [leaf_hash(number.to_bytes(4)) for number in range(LARGEST)]


def tiles_of(size: int, step: int = LARGEST) -> dict[Tile, bytes]:
    """Return the tiles of a tree that grew by so many leaves at a time, each batch from its edge alone."""
    tiles: dict[Tile, bytes] = {}
    for start in range(0, size, step):
        edge = {tile: tiles[tile] for tile in edge_tiles(start)}
        tiles |= grow(start, edge, HASHES[start : min(start + step, size)])
    return tiles


ALL = tiles_of(LARGEST)
PYRAMIDS = {tile: pyramid(held) for tile, held in ALL.items()}


def roots() -> list[bytes]:
    """Return the root at every size, as the verifier reckons it."""
    frontier = Frontier()
    found = [frontier.root()]
    for hashed in HASHES:
        frontier.append(hashed)
        found.append(frontier.root())
    return found


ROOTS = roots()
SIZES = st.integers(1, LARGEST)


@pytest.mark.parametrize("step", [1, 3, 255, 256, 257, 1000])
def test_tiles_do_not_depend_on_batches(step: int) -> None:
    """However the leaves came, the tiles are the same, and each is as wide as tlog-tiles says."""
    size = 1500
    tiles = tiles_of(size, step)
    assert tiles == tiles_of(size)
    for tile, held in tiles.items():
        wide = size // TILE_WIDTH**tile.level
        assert len(held) // HASH_BYTES == min(TILE_WIDTH, wide - tile.place * TILE_WIDTH)


def test_seventy_thousand_leaves():
    """The example of tlog-tiles: 70,000 leaves are 273 full and one partial tile, one and one, and one."""
    edge = edge_tiles(70_000)
    assert edge == [Tile(0, 273), Tile(1, 1), Tile(2, 0)]
    assert [70_000 // TILE_WIDTH**tile.level % TILE_WIDTH for tile in edge] == [112, 17, 1]
    assert edge_tiles(256) == [Tile(1, 0)]
    assert edge_tiles(0) == []


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 131_072, LARGEST])
def test_the_root_stands_on_the_edge(size: int) -> None:
    """The partial tiles alone give the root."""
    tiles = tiles_of(size)
    assert root_of(size, {tile: tiles[tile] for tile in edge_tiles(size)}) == ROOTS[size]
    assert ROOTS[0] == EMPTY_ROOT


@given(st.data(), SIZES)
def test_every_leaf_has_its_proof(data: st.DataObject, size: int) -> None:
    """The path made of tiles leads from the leaf to the root, at any earlier size too."""
    index = data.draw(st.integers(0, size - 1))
    path = [hash_of(nodes, PYRAMIDS) for nodes in inclusion_nodes(index, size)]
    assert root_of_inclusion(index, size, HASHES[index], path) == ROOTS[size]


@given(st.data(), SIZES)
def test_every_growth_has_its_proof(data: st.DataObject, size: int) -> None:
    """The proof of growth made of tiles is one that the verifier accepts."""
    old = data.draw(st.integers(0, size))
    path = [hash_of(nodes, PYRAMIDS) for nodes in consistency_nodes(old, size)]
    check_consistency(old, size, ROOTS[old], ROOTS[size], path)


def test_small_trees_whole():
    """Every proof of every tree up to 70 leaves."""
    for size in range(1, 71):
        for index in range(size):
            path = [hash_of(nodes, PYRAMIDS) for nodes in inclusion_nodes(index, size)]
            assert root_of_inclusion(index, size, HASHES[index], path) == ROOTS[size]
        for old in range(size + 1):
            path = [hash_of(nodes, PYRAMIDS) for nodes in consistency_nodes(old, size)]
            check_consistency(old, size, ROOTS[old], ROOTS[size], path)


def test_a_proof_needs_few_tiles():
    """One tile a level at the leaf, and those of the right edge: that is what a proof reads."""
    nodes = [node for step in inclusion_nodes(5, LARGEST) for node in step]
    assert len({tile_of(node) for node in nodes}) <= 2 * 3


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0)])
def test_leaves_that_are_not_there(index: int, size: int) -> None:
    """No path is made up for a leaf that the tree does not have."""
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_nodes(index, size)


def test_trees_do_not_shrink():
    """No proof is made up from a larger tree to a smaller one."""
    with pytest.raises(ValueError, match="shrink"):
        consistency_nodes(2, 1)
