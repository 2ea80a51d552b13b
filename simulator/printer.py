"""A printer of letters: takes lots, checks them, and reports what it posted and what came back.

`python -m simulator.printer --lots DIR --returns DIR` looks every second until interrupted. What it has taken it keeps
beside the returns, so that a lot is produced once.
"""

import argparse
import csv
import json
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Final

from shared.clock import paris_date

MOTIVES: Final = ("unknown-at-address", "unknown-at-address", "access", "unclaimed", "refused")
"""Why letters come back; a person who has moved is the usual reason."""

_TAKEN: Final = ".printer"


def produce(lots: Path, returns: Path, *, share: float, day: date) -> list[str]:
    """Take every complete lot not taken before, report on it, and return the numbers.

    ``share``: how many of the letters come back, from 0 to 1; which ones depends on their ids alone. ``day``: the
    day of posting.
    """
    taken = returns / _TAKEN
    taken.mkdir(parents=True, exist_ok=True)
    produced = []
    for folder in sorted(lots.iterdir()) if lots.is_dir() else ():
        if not (folder / "END").is_file() or (taken / folder.name).exists():
            continue
        if is_whole(folder):
            _report(folder, returns, share, day)
        else:
            _drop(returns, f"{folder.name}.receipt.json", _receipt(folder.name, "REJ"))
        (taken / folder.name).touch()
        produced.append(folder.name)
    return produced


def is_whole(folder: Path) -> bool:
    """Tell whether a lot is what its end and its manifest say."""
    manifest = (folder / "manifest.json").read_bytes()
    if (folder / "END").read_text().strip() != sha256(manifest).hexdigest():
        return False
    digests = json.loads(manifest)["sha256"]
    return all(sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in digests.items())


def comes_back(letter: str, share: float) -> str | None:
    """Return why a letter comes back, None if it arrives."""
    drawn = int.from_bytes(sha256(letter.encode()).digest()[:8])
    return MOTIVES[drawn % len(MOTIVES)] if drawn / 2**64 < share else None


def _report(folder: Path, returns: Path, share: float, day: date) -> None:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        letters = [row["letter"] for row in csv.DictReader(file)]
    back = [(letter, motive) for letter in letters if (motive := comes_back(letter, share))]
    _drop(returns, f"{folder.name}.receipt.json", _receipt(folder.name, "ACK"))
    posted = [(letter, "posted", day.isoformat(), "") for letter in letters]
    _drop(returns, f"{folder.name}-1.production.csv", _table(posted))
    if back:
        returned = [(letter, "undeliverable", day.isoformat(), motive) for letter, motive in back]
        _drop(returns, f"{folder.name}-2.production.csv", _table(returned))


def _receipt(lot: str, status: str) -> bytes:
    return json.dumps({"lot": lot, "status": status}).encode()


def _table(rows: Sequence[tuple[str, ...]]) -> bytes:
    table = StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("letter", "status", "date", "motive"))
    writer.writerows(rows)
    return table.getvalue().encode()


def _drop(returns: Path, name: str, content: bytes) -> None:
    """Let a file appear whole."""
    part = returns / f"{name}.part"
    part.write_bytes(content)
    part.rename(returns / name)


def main() -> None:
    """Produce until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=Path, required=True, help="where the lots are")
    parser.add_argument("--returns", type=Path, required=True, help="where the reports go")
    parser.add_argument("--share", type=float, default=0.01, help="share of the letters that come back")
    parser.add_argument("--once", action="store_true", help="look once and end")
    chosen = parser.parse_args()
    while True:
        produce(chosen.lots, chosen.returns, share=chosen.share, day=paris_date(datetime.now(UTC)))
        if chosen.once:
            return
        time.sleep(1)


if __name__ == "__main__":
    main()
