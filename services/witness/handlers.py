"""A witness's one act: sign a log's checkpoint if the log has only grown."""

import structlog

from services.witness.domain.cosigning import (
    Logs,
    NotCosignedError,
    Submission,
    Why,
    check_grown,
    check_signed,
    parse_submission,
)
from services.witness.ports import CheckpointStore
from shared.clock import Clock
from shared.notes import NoteSigner

log = structlog.get_logger()


async def add_checkpoint(raw: bytes, *, logs: Logs, seen: CheckpointStore, signer: NoteSigner, clock: Clock) -> str:
    """Return the line that this witness puts under a checkpoint, which it remembers from now on.

    Raise `NotCosignedError` with the reason otherwise. What was checked is remembered before anything is said, and only
    if nothing else was meanwhile: two checkpoints that branch off the same one are never both signed.
    """
    submission = parse_submission(raw)
    check_signed(submission, logs)
    while True:
        last = await seen.last(submission.checkpoint.origin)
        try:
            check_grown(submission, last)
        except NotCosignedError as error:
            await _remember(error, submission, seen)
            raise
        signature = signer.sign(submission.note.text, int(clock.now().timestamp()))
        if await seen.replace(last, submission.checkpoint, str(submission.note)):
            return f"{signature}\n"


async def _remember(error: NotCosignedError, submission: Submission, seen: CheckpointStore) -> None:
    if error.why is Why.INCONSISTENT:
        log.error("log_inconsistent", size=submission.checkpoint.size)
        await seen.keep_evidence(submission.checkpoint, str(submission.note))
