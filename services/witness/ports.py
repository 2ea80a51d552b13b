"""What a witness remembers."""

from typing import Protocol

from verifier.checkpoints import Checkpoint


class CheckpointStore(Protocol):
    """The last checkpoint signed of each log; it is on the disk when a method returns."""

    async def last(self, origin: str) -> Checkpoint | None:
        """Return the last checkpoint signed of a log; None if there was none."""

    async def replace(self, last: Checkpoint | None, new: Checkpoint, note: str) -> bool:
        """Put a checkpoint in the place of the one that was checked; False if that is no longer the last."""

    async def keep_evidence(self, checkpoint: Checkpoint, note: str) -> None:
        """Keep a signed checkpoint that does not go with the last one: together they prove a log's misbehaviour."""
