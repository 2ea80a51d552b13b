"""The command line: 0 valid, 1 tampered, 2 incomplete, 3 usage. Everything that is wrong is said, and where."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from verifier.checkpoints import Checkpoint
from verifier.faults import FaultError, IncompleteError, TamperedError
from verifier.openings import Reading, check_openings
from verifier.policies import Policy, PolicyError, parse_policy
from verifier.receipts import Receipt, check_receipt
from verifier.trees import check_tree

VALID, TAMPERED, INCOMPLETE, USAGE = range(4)
"""Exit codes."""

CHECKPOINT: Final = "checkpoint"
_EXIT: Final = "Exit: 0 valid, 1 tampered, 2 incomplete, 3 usage."


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end with its exit code."""
    try:
        sys.exit(run(_parser().parse_args(words)))
    except PolicyError as error:
        print(f"policy: {error}", file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    sys.exit(USAGE)


def run(asked: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    policy = parse_policy(asked.policy.read_text("utf-8"))
    try:
        if asked.what == "receipt":
            print(*_described(check_receipt(asked.file.read_bytes(), policy)), sep="\n")
            return VALID
        return _verify(asked.folder, policy, asked.since)
    except FaultError as error:
        return _told([error])


def _verify(export: Path, policy: Policy, since: Path | None) -> int:
    checkpoint = policy.accept(_bytes(export / CHECKPOINT))
    earlier = None if since is None else policy.accept(_bytes(since))
    if earlier is not None and earlier.origin != checkpoint.origin:
        raise TamperedError("checkpoint-origin", str(since))
    faults = check_tree(export, checkpoint, earlier)
    reading = Reading()
    if not faults:
        # Only of entries that were signed does it matter what they say.
        faults = list(check_openings(export, checkpoint.size, reading))
    if not faults:
        print(*_summary(checkpoint, earlier, reading), sep="\n")
    return _told(faults)


def _told(faults: Sequence[FaultError]) -> int:
    for fault in faults:
        kind = "incomplete" if isinstance(fault, IncompleteError) else "tampered"
        print(f"{kind}: {fault}", file=sys.stderr)
    if not faults:
        return VALID
    return INCOMPLETE if all(isinstance(fault, IncompleteError) for fault in faults) else TAMPERED


def _summary(checkpoint: Checkpoint, earlier: Checkpoint | None, reading: Reading) -> list[str]:
    lines = [f"valid: {checkpoint.size:,} entries of {checkpoint.origin}, root {checkpoint.root.hex()}"]
    if earlier is not None:
        lines.append(f"grown from {earlier.size:,} entries that were signed before; none of them changed")
    lines.append(f"texts: {reading.opened:,} proved; included, content erased: {reading.erased:,}")
    lines.append(f"records: {len(reading.records):,}, none lacks an entry")
    lines.append(f"producers: {len(reading.producers):,}, none lacks a number")
    return lines


def _described(receipt: Receipt) -> list[str]:
    when = datetime.fromtimestamp(receipt.leaf.recorded_at / 1000, UTC).isoformat()
    shown = [f"{group}: {opened.text.decode()}" for group, opened in receipt.texts.items()]
    return [
        f"valid: entry {receipt.index:,} of {receipt.checkpoint.size:,} of {receipt.checkpoint.origin}",
        f"recorded: {when}",
        *(shown or ["included, content erased"]),
        *([f"access: {receipt.access}"] if receipt.access is not None else []),
    ]


def _bytes(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError:
        raise IncompleteError("file-missing", place.name) from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="carnet-verify", description="Check an audit log offline.", epilog=_EXIT)
    parser.add_argument("--policy", type=Path, required=True, help="whose signatures count (C2SP tlog-policy)")
    asked = parser.add_subparsers(dest="what", required=True)
    export = asked.add_parser("export", help="check a whole log, exported into a folder", epilog=_EXIT)
    export.add_argument("folder", type=Path)
    export.add_argument("--since", type=Path, help="a checkpoint that was kept: the log must have grown from it")
    receipt = asked.add_parser("receipt", help="check the receipt of one entry", epilog=_EXIT)
    receipt.add_argument("file", type=Path)
    return parser
