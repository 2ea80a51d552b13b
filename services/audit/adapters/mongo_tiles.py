"""The hashes of the tree in MongoDB; a tile is expanded once and remembered: what it holds never changes."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.log_rows import read_tiles
from services.audit.domain.tree import Pyramid, Tile, pyramid, width_of
from shared.mongo import Document

REMEMBERED: Final = 1_000
"""Tiles that are kept in memory, expanded: 511 hashes each, 40 kB."""


class MongoTiles:
    """The `Tiles`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._tiles = database["tiles"]
        self._known: OrderedDict[Tile, Pyramid] = OrderedDict()

    async def tiles(self, wanted: Collection[Tile]) -> Mapping[Tile, bytes]:
        """See `Tiles.tiles`."""
        return await read_tiles(self._tiles, wanted)

    async def pyramids(self, wanted: Collection[Tile], size: int) -> Mapping[Tile, Pyramid]:
        """See `Tiles.pyramids`."""
        found = {tile: self._known[tile] for tile in wanted if self._knows(tile, size)}
        for tile in found:
            self._known.move_to_end(tile)
        if missing := [tile for tile in wanted if tile not in found]:
            for tile, hashes in (await self.tiles(missing)).items():
                found[tile] = self._known[tile] = pyramid(hashes)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _knows(self, tile: Tile, size: int) -> bool:
        """Tell whether a tile is remembered with as many hashes as it has in a tree of a size."""
        return tile in self._known and len(self._known[tile][0]) >= width_of(tile, size)
