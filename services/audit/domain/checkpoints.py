"""What the log signed of itself, and what keeps it from signing more."""

from dataclasses import dataclass

from shared.errors import CarnetError
from verifier.checkpoints import Checkpoint


class NotWitnessedError(CarnetError):
    """Too few witnesses put their name to a checkpoint: it is not published, and entries wait for their proofs."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint and the note that says it, word for word."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far what is published lags behind what is recorded."""

    size: int
    """Entries."""
    published: int
    """Entries that the last published checkpoint covers."""
    waiting_ms: int
    """Age of the oldest entry that it does not cover; 0 if there is none."""
