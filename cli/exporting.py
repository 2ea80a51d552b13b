"""Writes a log into a folder as tlog-tiles with what its entries say, so that anybody can verify it offline.

An export that was cut off goes on where it stopped, at the checkpoint that it began with. The file ``checkpoint`` is
written last: a folder that has one is whole.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from verifier.checkpoints import Checkpoint, parse_checkpoint
from verifier.notes import parse_note
from verifier.openings import FILE, parse_opening
from verifier.tiles import WIDTH, tile_path, widths

CHECKPOINT: Final = "checkpoint"
PART: Final = ".part"
PAGE: Final = 40 * WIDTH
"""Entries whose texts one request asks for; audit logs each of these requests."""


def export(client: httpx.Client, folder: Path) -> Checkpoint:
    """Mirror the log behind a client's doors; return the checkpoint up to which it was.

    Raise `httpx.HTTPError` if a door does not do what it should, `FaultError` for a checkpoint that is none, and
    `OSError` if something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pinned, openings = folder / (CHECKPOINT + PART), folder / (FILE + PART)
    if not pinned.exists():
        (folder / CHECKPOINT).unlink(missing_ok=True)
        openings.unlink(missing_ok=True)
        _write(pinned, _get(client, "/checkpoint"))
    checkpoint = parse_checkpoint(parse_note(pinned.read_bytes()).text)
    for place, door in _tiles(checkpoint.size):
        if not (folder / place).exists():
            _write(folder / place, _get(client, door))
    _export_openings(client, openings, checkpoint.size)
    openings.replace(folder / FILE)
    pinned.replace(folder / CHECKPOINT)
    return checkpoint


def _tiles(size: int) -> Iterator[tuple[str, str]]:
    """Yield the place of every file of a log's tree, and the door behind which its content is."""
    for index, width in widths(size):
        place = tile_path("entries", index, width)
        yield place, f"/ops/log/{place}"
    level = 0
    while size >> (8 * level):
        for index, width in widths(size, level):
            place = tile_path(level, index, width)
            yield place, f"/{place}"
        level += 1


def _export_openings(client: httpx.Client, place: Path, size: int) -> None:
    with place.open("ab") as file:
        for start in range(_reached(place), size, PAGE):
            wanted = {"from": start, "limit": min(PAGE, size - start)}
            with client.stream("GET", "/ops/log/openings", params=wanted) as answer:
                answer.raise_for_status()
                for part in answer.iter_bytes():
                    file.write(part)
            file.flush()


def _reached(place: Path) -> int:
    """Return the entry to go on from; what an earlier export wrote last is cut off if it is not a whole line."""
    written = place.read_bytes() if place.exists() else b""
    end = written.rfind(b"\n") + 1
    if end < len(written):
        with place.open("r+b") as file:
            file.truncate(end)
    last = written[written.rfind(b"\n", 0, end - 1) + 1 : end] if end else b""
    return parse_opening(last)[0] + 1 if last else 0


def _get(client: httpx.Client, path: str) -> bytes:
    answer = client.get(path)
    answer.raise_for_status()
    return answer.content


def _write(place: Path, content: bytes) -> None:
    """Write a file under its name only when it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.new")
    part.write_bytes(content)
    part.replace(place)
