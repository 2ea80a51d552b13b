"""What a witness may sign: a checkpoint of a log that it knows, grown from the last one it saw (C2SP tlog-witness)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.errors import CarnetError
from verifier.checkpoints import Checkpoint, parse_checkpoint, parse_size
from verifier.faults import TamperedError
from verifier.merkle import EMPTY_ROOT, MAX_PATH, check_consistency
from verifier.notes import Key, Note, decode, parse_note, signers

_OLD: Final = "old "

Logs = Mapping[str, Sequence[Key]]
"""The keys that are trusted for each origin."""


class Why(StrEnum):
    """Why a checkpoint is not signed."""

    MALFORMED = "request-malformed"
    UNKNOWN = "origin-unknown"
    UNSIGNED = "signature-unknown"
    BACKWARDS = "old-size-greater"
    STALE = "old-size-stale"
    INCONSISTENT = "proof-invalid"


class NotCosignedError(CarnetError):
    """The checkpoint is not signed; ``size`` is that of the last one signed, where that is why."""

    def __init__(self, why: Why, size: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.size = size


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint that a log wants signed, with the proof that it grew from an older one."""

    old: int
    path: Sequence[bytes]
    note: Note
    checkpoint: Checkpoint


def parse_submission(raw: bytes) -> Submission:
    """Return what was submitted; raise `NotCosignedError` for anything that is not written as the protocol has it."""
    try:
        head, parting, rest = raw.partition(b"\n\n")
        old, *path = head.decode().split("\n")
        if not parting or not old.startswith(_OLD) or len(path) > MAX_PATH:
            raise NotCosignedError(Why.MALFORMED)
        note = parse_note(rest)
        nodes = [decode(line) for line in path]
        return Submission(parse_size(old.removeprefix(_OLD)), nodes, note, parse_checkpoint(note.text))
    except (TamperedError, UnicodeDecodeError):
        raise NotCosignedError(Why.MALFORMED) from None


def check_signed(submission: Submission, logs: Logs) -> None:
    """Raise `NotCosignedError` unless a key that is trusted for the log's origin signed the checkpoint."""
    known = logs.get(submission.checkpoint.origin)
    if known is None:
        raise NotCosignedError(Why.UNKNOWN)
    try:
        signers(submission.note, known)
    except TamperedError:
        raise NotCosignedError(Why.UNSIGNED) from None


def check_grown(submission: Submission, last: Checkpoint | None) -> None:
    """Raise `NotCosignedError` unless the log grew from the last checkpoint that this witness signed."""
    checkpoint, size = submission.checkpoint, last.size if last else 0
    if submission.old > checkpoint.size:
        raise NotCosignedError(Why.BACKWARDS)
    if submission.old != size:
        raise NotCosignedError(Why.STALE, size)
    try:
        check_consistency(size, checkpoint.size, last.root if last else EMPTY_ROOT, checkpoint.root, submission.path)
    except TamperedError:
        raise NotCosignedError(Why.INCONSISTENT) from None
