"""The tree as tiles: which hashes a growing log writes down, and how others are had from them (C2SP tlog-tiles).

A *tile* holds up to 256 neighbouring nodes of height eight times the level; what lies between two levels is hashed
again when it is needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, NamedTuple, TypeAlias

from services.audit.domain.subtrees import Node, Nodes, root_nodes
from shared.errors import CarnetError
from verifier.merkle import EMPTY_ROOT, node_hash

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
HASH_BYTES: Final = 32


class Tile(NamedTuple):
    """The place of a tile."""

    level: int
    place: int


class LogDamagedError(CarnetError):
    """What is stored contradicts itself: somebody has changed the log by hand, and nothing may be appended."""


Edge: TypeAlias = Mapping[Tile, bytes]
"""The partial tiles of a tree, each with what it holds."""

Pyramid = Sequence[Sequence[bytes]]
"""A tile's hashes by height: those that it holds, and above them those of every complete pair."""


def tile_of(node: Node) -> Tile:
    """Return the tile from which a node's hash can be had."""
    level, height = divmod(node.height, TILE_HEIGHT)
    return Tile(level, node.place >> (TILE_HEIGHT - height))


def width_of(tile: Tile, size: int) -> int:
    """Return how many hashes a tile has in a tree of a size."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * tile.level)) - tile.place * TILE_WIDTH))


def pyramid(tile: bytes) -> Pyramid:
    """Return all the hashes of a tile; it is worth keeping, since neighbours are asked for together."""
    row = [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]
    rows = [row]
    while len(row) > 1 and len(rows) < TILE_HEIGHT:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        rows.append(row)
    return rows


def hash_of(nodes: Nodes, pyramids: Mapping[Tile, Pyramid]) -> bytes:
    """Return the one hash of neighbouring subtrees; raise `KeyError` or `IndexError` if a tile lacks one."""
    return reduce(lambda right, left: node_hash(left, right), (_hash(node, pyramids) for node in reversed(nodes)))


def grow(size: int, edge: Edge, hashes: Iterable[bytes]) -> dict[Tile, bytes]:
    """Return the tiles that change when leaf hashes are added to a tree of a size.

    ``edge``: the tree's partial tiles (`edge_tiles`), each with what it holds.
    """
    changed: dict[Tile, bytes] = {}
    added, level, wide = list(hashes), 0, size
    while added:
        place, filled = divmod(wide, TILE_WIDTH)
        held = edge[Tile(level, place)] if filled else b""
        row = held + b"".join(added)
        full: list[bytes] = []
        for at in range(0, len(row), TILE_WIDTH * HASH_BYTES):
            tile = row[at : at + TILE_WIDTH * HASH_BYTES]
            changed[Tile(level, place)] = tile
            place += 1
            if len(tile) == TILE_WIDTH * HASH_BYTES:
                full.append(node_hash(*pyramid(tile)[-1]))
        added, level, wide = full, level + 1, wide >> TILE_HEIGHT
    return changed


@dataclass(frozen=True, slots=True)
class Growth:
    """What a tree becomes."""

    tiles: Mapping[Tile, bytes]
    """Those that changed."""
    edge: Edge
    root: bytes


def extend(size: int, edge: Edge, hashes: Sequence[bytes]) -> Growth:
    """Return what a tree of a size becomes when leaf hashes are added."""
    tiles = grow(size, edge, hashes)
    grown = size + len(hashes)
    new = {tile: tiles[tile] if tile in tiles else edge[tile] for tile in edge_tiles(grown)}
    return Growth(tiles, new, root_of(grown, new))


def edge_of(size: int, tiles: Mapping[Tile, bytes]) -> Edge:
    """Return the edge of a tree of a size from tiles of a tree that may have grown since.

    Raise `LogDamagedError` if something is missing.
    """
    edge = {}
    for tile in edge_tiles(size):
        filled = width_of(tile, size) * HASH_BYTES
        edge[tile] = tiles.get(tile, b"")[:filled]
        if len(edge[tile]) < filled:
            raise LogDamagedError(f"tile {tile.level}/{tile.place} is not whole")
    return edge


def edge_tiles(size: int) -> list[Tile]:
    """Return the tiles of a tree that are not full yet: all that is needed to let it grow."""
    tiles, level = [], 0
    while size:
        if size % TILE_WIDTH:
            tiles.append(Tile(level, size // TILE_WIDTH))
        size, level = size >> TILE_HEIGHT, level + 1
    return tiles


def spanned(start: int, count: int) -> list[Tile]:
    """Return the tiles of leaf hashes that so many leaves from one on lie in."""
    return [Tile(0, place) for place in range(start // TILE_WIDTH, -(-(start + count) // TILE_WIDTH))]


def check_tiles(start: int, hashes: Sequence[bytes], tiles: Mapping[Tile, bytes]) -> None:
    """Raise `LogDamagedError` if the tiles do not hold these leaf hashes, from the leaf ``start`` on."""
    for tile in spanned(start, len(hashes)):
        origin = tile.place * TILE_WIDTH
        first, last = max(start, origin), min(start + len(hashes), origin + TILE_WIDTH)
        held = tiles.get(tile, b"")[(first - origin) * HASH_BYTES : (last - origin) * HASH_BYTES]
        if held != b"".join(hashes[first - start : last - start]):
            raise LogDamagedError(f"tile 0/{tile.place} does not hold its leaves")


def root_of(size: int, edge: Edge) -> bytes:
    """Return the root of a tree from its partial tiles."""
    if not size:
        return EMPTY_ROOT
    return hash_of(root_nodes(size), {tile: pyramid(held) for tile, held in edge.items()})


def _hash(node: Node, pyramids: Mapping[Tile, Pyramid]) -> bytes:
    height = node.height % TILE_HEIGHT
    return pyramids[tile_of(node)][height][node.place & ((TILE_WIDTH >> height) - 1)]
