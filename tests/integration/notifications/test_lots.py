"""Lots on a disk: whole or not at all, once, and unchanged; and a printer that believes none of it unchecked."""

import csv
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from services.notifications.adapters import lots as module
from services.notifications.adapters.lots import LotDamagedError, LotFolders, ReturnsFolder
from services.notifications.domain.lot import Letter, Lot
from services.notifications.ports import SlipKind, Verdict
from simulator.printer import comes_back, produce

pytestmark = pytest.mark.integration

LOT = Lot("20261120-00001", datetime(2026, 11, 20, 12, tzinfo=UTC), 2)
LETTERS = [
    Letter("a" * 32, 1, "MGEN", ("MME ZOE MARTIN", "4 RUE DU PORT", "44000 NANTES"), None, "ACDE-FGHJ"),
    Letter("b" * 32, 3, "MGEN", ("M O'NEILL", "1 RUE X", "1000 BRUXELLES", "BELGIQUE"), None, "ACDE-FGHK"),
]
PDF = b"%PDF-1.7 two pages"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class PowerCutError(Exception):
    """The process dies here."""


@pytest.fixture
def tray(tmp_path: Path) -> LotFolders:
    """Give an empty tray."""
    return LotFolders(tmp_path / "lots", template="0" * 64)


async def test_a_lot(tray: LotFolders, tmp_path: Path):
    """A lot is a PDF, an index of its letters, a manifest with their digests, and an end; its owner alone reads it."""
    assert await tray.handed_over(LOT.number) is None

    digest = await tray.hand_over(LOT, LETTERS, PDF)

    folder = tmp_path / "lots" / LOT.number
    assert {path.name for path in folder.iterdir()} == {"letters.pdf", "index.csv", "manifest.json", "END"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["lot"], manifest["letters"], manifest["pages"]) == (LOT.number, 2, 2)
    assert manifest["sha256"]["letters.pdf"] == sha256(PDF).hexdigest()
    assert (folder / "END").read_text() == f"{digest}\n"
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sequence"], row["letter"], row["page"], row["pages"]) for row in rows] == [
        ("20261120-00001/0001", "a" * 32, "1", "1"),
        ("20261120-00001/0003", "b" * 32, "2", "1"),
    ]
    assert rows[1]["line4"] == "BELGIQUE"
    assert await tray.handed_over(LOT.number) == digest


async def test_never_changed(tray: LotFolders, tmp_path: Path):
    """A lot that is there stays as it is, whoever hands it over again."""
    digest = await tray.hand_over(LOT, LETTERS, PDF)
    assert await tray.hand_over(LOT, LETTERS[:1], b"%PDF other") == digest
    assert (tmp_path / "lots" / LOT.number / "letters.pdf").read_bytes() == PDF
    assert [path.name for path in (tmp_path / "lots").iterdir()] == [LOT.number]


@pytest.mark.parametrize("step", range(8))
async def test_killed_at_every_step(tray: LotFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int):
    """Wherever a process dies, the printer sees a whole lot or none, and the next process finishes it."""
    steps = iter(range(100))

    def dying(real: Callable[..., None]) -> Callable[..., None]:
        def act(*arguments: object) -> None:
            if next(steps) == step:
                raise PowerCutError
            real(*arguments)

        return act

    with monkeypatch.context() as cut:
        cut.setattr(module, "_write", dying(module._write))
        cut.setattr(module, "_sync", dying(module._sync))
        try:
            await tray.hand_over(LOT, LETTERS, PDF)
            assert step > 6
        except PowerCutError:
            assert step <= 6
    returns = tmp_path / "returns"
    produced = produce(tmp_path / "lots", returns, share=0, day=date(2026, 11, 20))
    assert produced in ([], [LOT.number])
    assert not any("REJ" in path.read_text() for path in returns.glob("*.json"))

    digest = await tray.handed_over(LOT.number) or await tray.hand_over(LOT, LETTERS, PDF)

    assert digest == await tray.handed_over(LOT.number)
    assert [path.name for path in (tmp_path / "lots").iterdir()] == [LOT.number]
    assert len(list((tmp_path / "lots" / LOT.number).iterdir())) == 4


def test_two_at_once(tray: LotFolders, tmp_path: Path):
    """Of two processes that hand over the same lot one is believed, and both return the same digest."""
    digests: list[str] = []
    threads = [
        threading.Thread(target=lambda pdf=pdf: digests.append(tray._hand_over(LOT, LETTERS, pdf)))
        for pdf in (b"one", b"two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 2
    assert len(set(digests)) == 1
    assert (tmp_path / "lots" / LOT.number / "letters.pdf").read_bytes() in (b"one", b"two")


async def test_a_damaged_lot(tray: LotFolders, tmp_path: Path):
    """A lot that was touched is noticed by us, and rejected by the printer."""
    await tray.hand_over(LOT, LETTERS, PDF)
    (tmp_path / "lots" / LOT.number / "letters.pdf").write_bytes(b"changed")
    with pytest.raises(LotDamagedError):
        await tray.handed_over(LOT.number)
    produce(tmp_path / "lots", tmp_path / "returns", share=0, day=date(2026, 11, 20))
    assert [path.name for path in (tmp_path / "returns").glob("*")] == [".printer", f"{LOT.number}.receipt.json"]
    assert "REJ" in (tmp_path / "returns" / f"{LOT.number}.receipt.json").read_text()


async def test_the_printers_reports(tray: LotFolders, tmp_path: Path):
    """The printer posts every letter once and reports the day; a share of them comes back for a motive."""
    await tray.hand_over(LOT, LETTERS, PDF)
    returns = ReturnsFolder(tmp_path / "returns")
    for _ in range(2):
        produce(tmp_path / "lots", tmp_path / "returns", share=1, day=date(2026, 11, 20))

    slips = await returns.waiting(10)

    assert [slip.kind for slip in slips] == [SlipKind.PRODUCTION, SlipKind.PRODUCTION, SlipKind.RECEIPT]
    assert f"{'a' * 32},posted,2026-11-20," in (slips[0].raw or b"").decode()
    assert f"{'b' * 32},undeliverable,2026-11-20,{comes_back('b' * 32, 1)}" in (slips[1].raw or b"").decode()


async def test_slips(tmp_path: Path):
    """Slips are taken when they are complete, known by their content, and put away by verdict, none lost."""
    tray = ReturnsFolder(tmp_path)
    (tmp_path / "a.receipt.json").write_text("x")
    (tmp_path / "b.eml").write_bytes(b"y" * 300_000)
    (tmp_path / "c.txt").write_text("x")
    (tmp_path / "d.eml.part").write_text("x")
    (tmp_path / "e.eml").symlink_to("/etc/hostname")

    slips = await tray.waiting(10)

    assert [(slip.name, slip.kind, slip.raw) for slip in slips] == [
        ("a.receipt.json", SlipKind.RECEIPT, b"x"),
        ("b.eml", SlipKind.BOUNCE, None),
        ("c.txt", SlipKind.UNKNOWN, b"x"),
    ]
    assert slips[0].digest == slips[2].digest
    await tray.put_away(slips[0], Verdict.DONE)
    (tmp_path / "a.receipt.json").write_text("z")
    await tray.put_away((await tray.waiting(1))[0], Verdict.DONE)
    await tray.put_away(slips[1], Verdict.QUARANTINE)
    assert len(list((tmp_path / "done").iterdir())) == 2
    assert len(list((tmp_path / "quarantine").iterdir())) == 1


async def test_a_lot_removed(tray: LotFolders, tmp_path: Path):
    """A lot's files are removed whole; removing what is gone, or was half removed, is no failure."""
    await tray.hand_over(LOT, LETTERS, PDF)

    await tray.remove(LOT.number)
    await tray.remove(LOT.number)

    assert list((tmp_path / "lots").iterdir()) == []
    assert await tray.handed_over(LOT.number) is None


async def test_slips_forgotten(tmp_path: Path):
    """What was put away is removed once it is old; what waits stays, however old."""
    tray, old = ReturnsFolder(tmp_path), NOON.timestamp() - 1
    for name, folder in (("a.eml", "done"), ("b.eml", "quarantine"), ("c.eml", "done"), ("d.eml", ".")):
        (tmp_path / folder / name).write_text("x")
        if name != "c.eml":
            os.utime(tmp_path / folder / name, (old, old))

    assert await tray.forget(NOON) == 2
    left = sorted(path.name for path in tmp_path.rglob("*.eml"))  # noqa: ASYNC240 - a test may wait for its disk
    assert left == ["c.eml", "d.eml"]
