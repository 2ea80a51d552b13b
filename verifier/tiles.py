"""A log as files: hashes in tiles, entries in bundles, 256 of each (C2SP tlog-tiles)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from verifier.faults import IncompleteError, TamperedError
from verifier.merkle import node_hash

WIDTH: Final = 256
HASH_BYTES: Final = 32
_LENGTH_BYTES: Final = 2
_DIGITS: Final = 1000


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return where a tile lies. ``level`` is ``entries`` for a bundle of entries; ``width`` is 256 unless partial."""
    digits = [f"{index % _DIGITS:03}"]
    while index := index // _DIGITS:
        digits.insert(0, f"x{index % _DIGITS:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(digits)}{partial}"


def widths(size: int, level: int = 0) -> Iterator[tuple[int, int]]:
    """Yield index and width of every tile that a level of a tree of this size has."""
    hashes = size // WIDTH**level
    for index in range(-(-hashes // WIDTH)):
        yield index, min(WIDTH, hashes - index * WIDTH)


def read_tile(export: Path, level: int, index: int, width: int) -> bytes:
    """Return the hashes of a tile."""
    place = tile_path(level, index, width)
    tile = _read(export, place)
    if len(tile) != width * HASH_BYTES:
        raise TamperedError("tile-length", place)
    return tile


def read_entries(export: Path, index: int, width: int) -> list[bytes]:
    """Return the entries of a bundle, however many there are."""
    place = tile_path("entries", index, width)
    try:
        return split_entries(_read(export, place))
    except TamperedError as error:
        raise TamperedError(error.code, place) from None


def split_entries(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle's bytes: each stands behind its length in two bytes."""
    entries, at = [], 0
    while at < len(bundle):
        end = at + _LENGTH_BYTES + int.from_bytes(bundle[at : at + _LENGTH_BYTES])
        if end > len(bundle) or len(bundle) - at < _LENGTH_BYTES:
            raise TamperedError("bundle-malformed")
        entries.append(bundle[at + _LENGTH_BYTES : end])
        at = end
    return entries


def join_entries(entries: list[bytes]) -> bytes:
    """Return the bytes of a bundle."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES) + entry for entry in entries)


def full_root(hashes: list[bytes]) -> bytes:
    """Return the hash of a full tile: of 256 neighbouring hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def _read(export: Path, place: str) -> bytes:
    try:
        return (export / place).read_bytes()
    except OSError:
        raise IncompleteError("file-missing", place) from None
