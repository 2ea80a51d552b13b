"""How often somebody may try a person's code, or ask for a new one; a person may be one whom nobody knows."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

ASK_AGAIN_AFTER: Final = timedelta(seconds=30)
"""Between two requests for a code (F07)."""

ASKED_PER_DAY: Final = 5
"""Each request is a letter or an e-mail to somebody who may not be the one who asks."""

FAILED_PER_QUARTER: Final = 10
"""Wrong codes in a quarter of an hour, after which the right one is not looked at either."""

_DAY: Final = timedelta(days=1)
_QUARTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Tries:
    """What was tried of late in the name of one INS; ``index`` is its blind index, ``version`` 0 when new."""

    index: str
    asked: tuple[datetime, ...] = ()
    failed: tuple[datetime, ...] = ()
    version: int = 0


def wait_to_ask(tries: Tries, now: datetime) -> timedelta | None:
    """Return how long to wait before a code may be asked for, None if it may."""
    recent = [at for at in tries.asked if at > now - _DAY]
    if len(recent) >= ASKED_PER_DAY:
        return recent[-ASKED_PER_DAY] + _DAY - now
    if recent and recent[-1] > now - ASK_AGAIN_AFTER:
        return recent[-1] + ASK_AGAIN_AFTER - now
    return None


def wait_to_try(tries: Tries, now: datetime) -> timedelta | None:
    """Return how long to wait before a code is looked at, None if it may be tried."""
    recent = [at for at in tries.failed if at > now - _QUARTER]
    if len(recent) < FAILED_PER_QUARTER:
        return None
    return recent[-FAILED_PER_QUARTER] + _QUARTER - now


def asked(tries: Tries, now: datetime) -> Tries:
    """Return the tries after a request for a code; what is too old to matter is forgotten."""
    recent = tuple(at for at in tries.asked if at > now - _DAY)
    return replace(tries, asked=(*recent, now), version=tries.version + 1)


def failed(tries: Tries, now: datetime) -> Tries:
    """Return the tries after a wrong code; what is too old to matter is forgotten."""
    recent = tuple(at for at in tries.failed if at > now - _QUARTER)
    return replace(tries, failed=(*recent, now), version=tries.version + 1)
