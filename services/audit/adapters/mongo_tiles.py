"""The hashes of the tree in MongoDB, each full tile expanded once and remembered."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from services.audit.adapters.mongo_log import read_tiles
from services.audit.domain.tree import HASH_BYTES, TILE_WIDTH, Pyramid, Tile, pyramid
from shared.mongo import Document

REMEMBERED: Final = 1_000
"""Full tiles that are kept in memory, expanded: 511 hashes each, 40 kB."""


class MongoTiles:
    """The `Tiles`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._tiles = database["tiles"]
        self._known: OrderedDict[Tile, Pyramid] = OrderedDict()

    async def tiles(self, wanted: Collection[Tile]) -> Mapping[Tile, bytes]:
        """See `Tiles.tiles`."""
        return await read_tiles(self._tiles, wanted)

    async def pyramids(self, wanted: Collection[Tile]) -> Mapping[Tile, Pyramid]:
        """See `Tiles.pyramids`."""
        found = {tile: self._known[tile] for tile in wanted if tile in self._known}
        for tile in found:
            self._known.move_to_end(tile)
        for tile, hashes in (await self.tiles([tile for tile in wanted if tile not in found])).items():
            found[tile] = pyramid(hashes)
            if len(hashes) == TILE_WIDTH * HASH_BYTES:
                self._known[tile] = found[tile]
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found
