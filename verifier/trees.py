"""The whole tree of an export, from its entries to the signed root; what does not fit is named by its place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Final

from verifier.checkpoints import Checkpoint
from verifier.faults import FaultError, TamperedError
from verifier.merkle import EMPTY_ROOT, Frontier, node_hash
from verifier.tiles import HASH_BYTES, WIDTH, full_root, read_entries, read_tile, tile_path, widths

_SHOWN: Final = 20
"""Faults of one kind that are named; a rewritten log would name millions."""


@dataclass(slots=True)
class Growing:
    """The root of a tree that grows by tiles, at its end and at one size before."""

    until: int
    """The size whose root is remembered."""
    tiles: Frontier = field(default_factory=Frontier)
    """Over the roots of full tiles."""
    rest: Frontier = field(default_factory=Frontier)
    """Over the hashes of the last, partial tile."""
    roots: list[bytes] = field(default_factory=list)
    """Of the full tiles, in their order."""
    then: bytes | None = None
    """The root at ``until``, once it was reached."""

    def add(self, hashes: list[bytes]) -> None:
        """Add a tile's hashes; only the last may be partial."""
        wanted = self.until - self.tiles.size * WIDTH
        if self.then is None and 0 <= wanted <= len(hashes):
            self.then = _fold([*self.tiles.nodes, *_frontier(hashes[:wanted]).nodes])
        if len(hashes) == WIDTH:
            self.roots.append(full_root(hashes))
            self.tiles.append(self.roots[-1])
        else:
            self.rest = _frontier(hashes)

    def root(self) -> bytes:
        """Return the root as it is now."""
        return _fold([*self.tiles.nodes, *self.rest.nodes])


def check_tree(export: Path, checkpoint: Checkpoint, since: Checkpoint | None = None) -> list[FaultError]:
    """Return what is wrong with the tree; nothing: each entry is the one that was signed, and in its place.

    ``since`` is a checkpoint seen before, from which the log must have grown. Raise `IncompleteError` if a file is
    missing.
    """
    if since is not None and since.size > checkpoint.size:
        return [TamperedError("log-shrunk", f"{since.size} entries were signed, {checkpoint.size} are")]
    growing = Growing(until=since.size if since else 0)
    suspects: list[FaultError] = []
    for index, width in widths(checkpoint.size):
        entries, tile = read_entries(export, index, width), read_tile(export, 0, index, width)
        hashes = [sha256(b"\x00" + entry).digest() for entry in entries]
        if b"".join(hashes) != tile:
            suspects += _differences(index, hashes, _hashes(tile))
        growing.add(hashes)
    suspects = suspects[:_SHOWN]
    if growing.root() == checkpoint.root:
        # The entries are those that were signed: what differs from them is a tile.
        tiles = (TamperedError("tile-altered", each.where) for each in suspects)
        return [*tiles, *_upper_tiles(export, checkpoint.size, growing.roots), *_growth(growing, since)]
    if suspects and _root_of_tiles(export, checkpoint.size) == checkpoint.root:
        return suspects
    return [TamperedError("root-mismatch", "the entries are not those that were signed"), *suspects]


def _growth(growing: Growing, since: Checkpoint | None) -> Iterator[FaultError]:
    if since is not None and since.root != (growing.then if since.size else EMPTY_ROOT):
        yield TamperedError("log-rewritten", f"among the first {since.size} entries")


def _differences(tile: int, hashes: Sequence[bytes], signed: Sequence[bytes]) -> Iterator[FaultError]:
    """Name each entry that is not the one that its tile has; ``signed`` is what the tile has."""
    start = tile * WIDTH
    if len(hashes) < len(signed):
        first = next((at for at, (one, other) in enumerate(zip(hashes, signed, strict=False)) if one != other), None)
        yield TamperedError("leaf-deleted", f"entry {start + (len(hashes) if first is None else first)}")
        return
    places = {hashed: start + at for at, hashed in enumerate(signed)}
    for at, (found, wanted) in enumerate(zip(hashes, signed, strict=False)):
        if found != wanted and found in places:
            yield TamperedError("leaf-moved", f"entry {start + at}, which belongs to {places[found]}")
        elif found != wanted:
            yield TamperedError("leaf-altered", f"entry {start + at}")
    if len(hashes) > len(signed):
        yield TamperedError("leaf-added", f"after entry {start + len(signed) - 1}")


def _upper_tiles(export: Path, size: int, roots: list[bytes]) -> Iterator[FaultError]:
    """Compare the tiles above the entries' hashes with what the entries give."""
    level = 1
    while roots:
        above = []
        for index, width in widths(size, level):
            hashes = roots[index * WIDTH : index * WIDTH + width]
            if read_tile(export, level, index, width) != b"".join(hashes):
                yield TamperedError("tile-altered", tile_path(level, index, width))
            if width == WIDTH:
                above.append(full_root(hashes))
        roots, level = above, level + 1


def _root_of_tiles(export: Path, size: int) -> bytes:
    growing = Growing(until=0)
    for index, width in widths(size):
        growing.add(_hashes(read_tile(export, 0, index, width)))
    return growing.root()


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def _frontier(hashes: list[bytes]) -> Frontier:
    frontier = Frontier()
    for hashed in hashes:
        frontier.append(hashed)
    return frontier


def _fold(nodes: list[bytes]) -> bytes:
    return reduce(lambda right, left: node_hash(left, right), reversed(nodes)) if nodes else EMPTY_ROOT
