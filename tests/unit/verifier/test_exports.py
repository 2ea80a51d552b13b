"""An exported log's tree as it was, and damaged in every way: the verifier names exactly the damage."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.logs import log_of
from tests.unit.verifier.runs import SIZE, Verify
from verifier.tiles import join_entries, split_entries

FIRST = "tile/entries/000"
LAST = f"tile/entries/002.p/{SIZE - 512}"


def entries(export: Path, place: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the entries of a bundle."""
    bundle = export / place
    bundle.write_bytes(join_entries(change(split_entries(bundle.read_bytes()))))


def flipped(raw: bytes, at: int) -> bytes:
    """Return bytes with one bit changed."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def test_a_sound_log(export: Path, verify: Verify) -> None:
    """A log that nobody touched is valid, whole and counted."""
    code, lines = verify("export", export)
    assert code == 0
    assert lines[0].startswith(f"valid: {SIZE} entries of audit.carnet.example/2026")
    assert f"texts: {SIZE} proved; included, content erased: 0" in lines
    assert "records: 2, none lacks an entry" in lines


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_logs_of_every_width(size: int, tmp_path: Path, verify: Verify) -> None:
    """Empty, one entry, one tile, one more: every width is read, and grows from what it was."""
    log = log_of(size)
    since = tmp_path / "since"
    for old in {0, size // 2, size}:
        since.write_bytes(log.signed(old))
        code, lines = verify("export", log.export(tmp_path / "export"), "--since", since)
        assert (code, lines[0].partition(" of ")[0]) == (0, f"valid: {size} entries")


def _edit(entry: int) -> Callable[[list[bytes]], list[bytes]]:
    return lambda found: [*found[:entry], flipped(found[entry], 40), *found[entry + 1 :]]


def _swap(found: list[bytes]) -> list[bytes]:
    return [found[1], found[0], *found[2:]]


TREE = {
    "100 leaf edited": (FIRST, _edit(7), ["tampered: entry 7: leaf-altered"]),
    "100 last leaf edited": (LAST, _edit(SIZE - 513), [f"tampered: entry {SIZE - 1}: leaf-altered"]),
    "102 leaf deleted": (FIRST, lambda found: found[:9] + found[10:], ["tampered: entry 9: leaf-deleted"]),
    "103 two leaves swapped": (
        FIRST,
        _swap,
        [
            "tampered: entry 0, which belongs to 1: leaf-moved",
            "tampered: entry 1, which belongs to 0: leaf-moved",
        ],
    ),
    "leaf added": (LAST, lambda found: [*found, found[0]], [f"tampered: after entry {SIZE - 1}: leaf-added"]),
}


@pytest.mark.parametrize(("place", "change", "told"), TREE.values(), ids=TREE)
def test_a_damaged_entry(
    place: str, change: Callable[[list[bytes]], list[bytes]], told: list[str], export: Path, verify: Verify
) -> None:
    """An entry that was edited, deleted, moved or added is named by its place (bad input I100, I102, I103)."""
    entries(export, place, change)
    assert verify("export", export) == (1, told)


@pytest.mark.parametrize(
    ("place", "at", "told"),
    [
        ("tile/0/001", 32 * 3, "tampered: entry 259: tile-altered"),
        ("tile/0/002.p/188", 0, "tampered: entry 512: tile-altered"),
        ("tile/1/000.p/2", 33, "tampered: tile/1/000.p/2: tile-altered"),
    ],
)
def test_a_flipped_bit_in_a_tile(place: str, at: int, told: str, export: Path, verify: Verify) -> None:
    """A tile that does not have its entries' hashes is named, and the entries are not blamed (bad input I101)."""
    tile = export / place
    tile.write_bytes(flipped(tile.read_bytes(), at))
    assert verify("export", export) == (1, [told])


def test_a_cut_tail(export: Path, tmp_path: Path, verify: Verify) -> None:
    """A log cut short under its checkpoint is incomplete; signed anew, it is less than was seen (bad input I104)."""
    (export / LAST).unlink()
    assert verify("export", export) == (2, [f"incomplete: {LAST}: file-missing"])
    log = log_of(SIZE)
    since = tmp_path / "since"
    since.write_bytes(log.signed())
    shorter = log_of(SIZE - 1).export(tmp_path / "shorter")
    told = f"tampered: {SIZE} entries were signed, {SIZE - 1} are: log-shrunk"
    assert verify("export", shorter, "--since", since) == (1, [told])


def test_a_rewritten_log(tmp_path: Path, verify: Verify) -> None:
    """A log rewritten and signed anew is sound in itself; a checkpoint that was kept tells (bad input I105)."""
    since = tmp_path / "since"
    since.write_bytes(log_of(600).signed())
    forged = log_of(300)
    forged.tell("ada", type="document.stored.v1")
    for index in range(301, SIZE):
        forged.tell(("ada", "bob", None)[index % 3])
    export = forged.export(tmp_path / "forged")
    assert verify("export", export)[0] == 0
    told = "tampered: among the first 600 entries: log-rewritten"
    assert verify("export", export, "--since", since) == (1, [told])


def test_entries_that_were_never_signed(export: Path, verify: Verify) -> None:
    """Entries and tiles that agree with each other and not with the signed root are not the log."""
    other = log_of(SIZE - 1)
    other.tell("eve")
    checkpoint = (export / "checkpoint").read_bytes()
    other.export(export)
    (export / "checkpoint").write_bytes(checkpoint)
    told = "tampered: the entries are not those that were signed: root-mismatch"
    assert verify("export", export) == (1, [told])
