"""``/checkpoint`` and ``/tile/…``: the log as anybody may mirror it (C2SP tlog-tiles).

Hashes say nothing of anybody, so checkpoint and tiles need no token. Entries are commitments with times and names of
events: they are for operators, and lie under ``/ops`` with the rest of what is theirs.
"""

import re
from typing import Final

from fastapi import APIRouter, Depends, Response

from services.audit.domain.tree import HASH_BYTES, TILE_WIDTH, Tile
from services.audit.ports import Checkpoints, LogReader, Tiles
from shared.http.gate import Door
from shared.http.problems import Problem
from verifier.tiles import join_entries, tile_path

_PLACE: Final = re.compile(r"((?:x\d{3}/){0,5}\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)
_LEVEL: Final = re.compile(r"[0-7]", re.ASCII)
_FOR_GOOD: Final = {"cache-control": "public, max-age=31536000, immutable"}
_FRESH: Final = {"cache-control": "no-store"}


def tile_doors(checkpoints: Checkpoints, tiles: Tiles) -> APIRouter:
    """Return the doors of everybody."""
    router = APIRouter(tags=["tiles"])

    @router.get("/checkpoint")
    async def checkpoint() -> Response:
        """Answer with the last checkpoint that enough witnesses signed."""
        published = await checkpoints.published()
        if published is None:
            raise Problem(404, "checkpoint-unavailable")
        return Response(published.note, media_type="text/plain; charset=utf-8", headers=_FRESH)

    @router.get("/tile/{level}/{place:path}")
    async def tile(level: str, place: str) -> Response:
        """Answer with the hashes of a tile, or with as many of them as the path says."""
        if not _LEVEL.fullmatch(level):
            raise Problem(404, "tile-unavailable")
        index, width = _parse(level, place)
        wanted = Tile(int(level), index)
        hashes = (await tiles.tiles([wanted])).get(wanted, b"")[: width * HASH_BYTES]
        if len(hashes) < width * HASH_BYTES:
            raise Problem(404, "tile-unavailable")
        return Response(hashes, media_type="application/octet-stream", headers=_FOR_GOOD)

    return router


def entry_doors(log: LogReader, operator: Door) -> APIRouter:
    """Return the operators' door of entries, in bundles of 256."""
    router = APIRouter(prefix="/ops/log", tags=["log"], dependencies=[Depends(operator)])

    @router.get("/tile/entries/{place:path}")
    async def entries(place: str) -> Response:
        """Answer with the leaves of a bundle."""
        index, width = _parse("entries", place)
        leaves = await log.leaves(index * TILE_WIDTH, width)
        if [at for at, _ in leaves] != list(range(index * TILE_WIDTH, index * TILE_WIDTH + width)):
            raise Problem(404, "tile-unavailable")
        return Response(join_entries([leaf for _, leaf in leaves]), media_type="application/octet-stream")

    return router


def _parse(level: str, place: str) -> tuple[int, int]:
    """Return index and width of a tile; raise a problem unless the path is the one spelling of them."""
    found = _PLACE.fullmatch(place)
    index = int(found[1].replace("/", "").replace("x", "")) if found else 0
    width = int(found[2] or TILE_WIDTH) if found else 0
    if not 1 <= width <= TILE_WIDTH or tile_path(level, index, width) != f"tile/{level}/{place}":
        raise Problem(404, "tile-unavailable")
    return index, width
