"""What time starts: the log signs what it has become, and what it says is destroyed when the law says so."""

from datetime import timedelta
from functools import partial
from typing import Final

from services.audit.handlers.erasing import Erasing, destroy_due, destroy_openings
from services.audit.handlers.signing import Signing, sign_checkpoint
from services.audit.ports import Eraser
from shared.messaging.jobs import Job

ERASE_EVERY: Final = timedelta(seconds=5)
DUE_EVERY: Final = timedelta(hours=1)


def jobs(signing: Signing, erasing: Erasing, eraser: Eraser, *, checkpoint_every: timedelta) -> list[Job]:
    """Return audit's jobs."""
    return [
        Job("checkpoint", checkpoint_every, partial(sign_checkpoint, signing=signing)),
        Job("erase", ERASE_EVERY, partial(destroy_openings, erasing=erasing, eraser=eraser)),
        Job("retention", DUE_EVERY, partial(destroy_due, erasing=erasing)),
    ]
