"""Lots as folders that a printer takes, and the folder of what it reports back.

A lot ``<number>/`` holds ``letters.pdf``, ``index.csv``, ``manifest.json`` (counts and SHA-256 of the other two) and,
written last, ``END``, which holds the manifest's SHA-256: a folder without it is not there yet. It is made as
``<number>.part-…`` and renamed, so it appears whole, and only one of two processes can succeed. A lot is never changed.
"""

import asyncio
import csv
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, Final

from services.notifications.domain.lot import Letter, Lot, reference
from services.notifications.domain.reports import LARGEST_BYTES
from services.notifications.ports import Slip, SlipKind, Verdict
from shared.errors import CarnetError

PDF: Final = "letters.pdf"
INDEX: Final = "index.csv"
MANIFEST: Final = "manifest.json"
END: Final = "END"

COLUMNS: Final = ("sequence", "letter", "page", "pages", *(f"line{number}" for number in range(1, 8)))


class LotDamagedError(CarnetError):
    """A lot's folder is there and its files are not those of its manifest: somebody has to look."""


class LotFolders:
    """`OutTray` on a folder that the printer reads, by SFTP or on the spot."""

    def __init__(self, root: Path, *, template: str) -> None:
        self._root = root
        self._template = template
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def handed_over(self, number: str) -> str | None:
        """See `OutTray.handed_over`; raise `LotDamagedError` if what is there is not what was written."""
        return await asyncio.to_thread(_finish, self._root / number)

    async def hand_over(self, lot: Lot, letters: Sequence[Letter], pdf: bytes) -> str:
        """See `OutTray.hand_over`."""
        return await asyncio.to_thread(self._hand_over, lot, letters, pdf)

    async def remove(self, number: str) -> None:
        """See `OutTray.remove`: the end goes first, so that no half of a lot looks whole."""
        await asyncio.to_thread(self._remove, self._root / number)

    def _remove(self, folder: Path) -> None:
        (folder / END).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise LotDamagedError(folder.name)

    def _hand_over(self, lot: Lot, letters: Sequence[Letter], pdf: bytes) -> str:
        folder = self._root / lot.number
        files = {PDF: pdf, INDEX: _index(lot.number, letters)}
        files[MANIFEST] = _manifest(lot, len(letters), files, self._template)
        try:
            self._make(folder, files)
        except OSError:  # another process was faster: a lot that is there is never changed
            if not folder.is_dir():
                raise
        digest = _finish(folder)
        for left in self._root.glob(f"{lot.number}.part-*"):  # of whoever was killed, or was slower
            shutil.rmtree(left, ignore_errors=True)
        assert digest is not None  # noqa: S101 - the folder is there
        return digest

    def _make(self, folder: Path, files: Mapping[str, bytes]) -> None:
        making = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=self._root))
        for name, content in files.items():
            _write(making / name, content)
        _sync(making)
        making.rename(folder)
        _sync(self._root)


def _finish(folder: Path) -> str | None:
    """Return the digest of the manifest of a lot that is there; write the end that a killed process left out."""
    if not folder.is_dir():
        return None
    manifest = (folder / MANIFEST).read_bytes()
    for name, digest in json.loads(manifest)["sha256"].items():
        if sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise LotDamagedError(folder.name)
    digest = sha256(manifest).hexdigest()
    if not (folder / END).exists():
        _write(folder / f"{END}.part", f"{digest}\n".encode())
        with suppress(FileNotFoundError):  # another process, which wrote the same, renamed it
            (folder / f"{END}.part").rename(folder / END)
        _sync(folder)
    return digest


def _index(number: str, letters: Sequence[Letter]) -> bytes:
    """Return the table of the letters: place, id, page and the lines of the address; a cell is never a formula."""
    table = StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for page, letter in enumerate(letters, 1):
        lines = [*letter.lines, *[""] * (7 - len(letter.lines))]
        writer.writerow([reference(number, letter.sequence), letter.notice, page, 1, *lines])
    return table.getvalue().encode("utf-8")


def _manifest(lot: Lot, letters: int, files: dict[str, bytes], template: str) -> bytes:
    told: dict[str, Any] = {
        "lot": lot.number,
        "made_at": lot.made_at.isoformat(),
        "letters": letters,
        "pages": letters,
        "template": template,
        "sha256": {name: sha256(content).hexdigest() for name, content in files.items()},
    }
    return json.dumps(told, indent=2).encode()


def _write(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, down to the disk."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ReturnsFolder:
    """`InTray` on a folder where slips appear by renaming; what is read goes to ``done`` or ``quarantine`` in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for folder in (root, *(root / kept.value for kept in (Verdict.DONE, Verdict.QUARANTINE))):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def waiting(self, limit: int) -> Sequence[Slip]:
        """See `InTray.waiting`."""
        return await asyncio.to_thread(self._waiting, limit)

    async def put_away(self, slip: Slip, verdict: Verdict) -> None:
        """See `InTray.put_away`; a second slip of the same name does not hide the first."""
        target = self._root / verdict.value / f"{slip.digest[:16]}-{slip.name}"
        await asyncio.to_thread((self._root / slip.name).rename, target)

    async def forget(self, before: datetime) -> int:
        """See `InTray.forget`: by the time at which a slip was last written."""
        return await asyncio.to_thread(self._forget, before.timestamp())

    def _forget(self, before: float) -> int:
        kept = [self._root / verdict.value for verdict in (Verdict.DONE, Verdict.QUARANTINE)]
        old = [path for folder in kept for path in folder.iterdir() if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _waiting(self, limit: int) -> list[Slip]:
        paths = (path for path in sorted(self._root.iterdir()) if path.is_file() and not path.is_symlink())
        complete = [path for path in paths if not path.name.endswith(".part") and not path.name.startswith(".")]
        return [_slip(path) for path in complete[:limit]]


def _slip(path: Path) -> Slip:
    with path.open("rb") as file:
        raw = file.read(LARGEST_BYTES + 1)
    kind = next((kind for kind in SlipKind if kind.value and path.name.endswith(kind.value)), SlipKind.UNKNOWN)
    return Slip(path.name, kind, sha256(raw).hexdigest(), raw if len(raw) <= LARGEST_BYTES else None)
