"""What a failure means: keep and try again, halve, or find the one event that is at fault (rule 5)."""

import traceback
from enum import Enum, auto

from aio_pika.exceptions import AMQPError
from bson.errors import InvalidBSON
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    ProtocolError,
    PyMongoError,
    WriteConcernError,
    WTimeoutError,
)

from shared.errors import CarnetError

_DUPLICATE_KEY = 11000
_WRITE_CONFLICT = 112
_STATE_CHANGES = frozenset({6, 7, 89, 91, 134, 189, 211, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436})
"""The server is no primary any more, is going down, does not reach another, or has just come up and has not read its
keys yet (MongoDB's specifications of monitoring and of retryable writes; 134 and 211 are what it answers in its first
seconds)."""

_GARBLED = (InvalidBSON, ProtocolError)
"""What the database stores it can read: such an answer the wire has broken."""


class RacedError(CarnetError):
    """Somebody else changed what this unit read: the batch is read and decided again."""


class FencedError(CarnetError):
    """A successor has taken over: this process may not write any more and stops."""


class OutageError(CarnetError):
    """The infrastructure has been away for so long that what is held is given back to the broker (rule 12)."""


class ReturnedError(CarnetError):
    """The broker answered, and took a message for no queue: none is bound to its key, or the queue is full."""


class Failure(Enum):
    """The kinds of failure; only DATA is ever counted against an event."""

    INFRASTRUCTURE = auto()
    """Broker or database: keep the messages, back off, try the same batch again, acknowledge nothing."""
    CONFLICT = auto()
    """Two transactions met: try again at once; after three times with half the batch."""
    FENCED = auto()
    """Another process took over: stop."""
    DATA = auto()
    """Anything else: one event is at fault and has to be found."""


def classify(error: BaseException) -> Failure:
    """Return what an error of a handler or a commit means; the list of infrastructure errors is closed."""
    if isinstance(error, FencedError):
        return Failure.FENCED
    if isinstance(error, RacedError) or _codes(error) & {_WRITE_CONFLICT, _DUPLICATE_KEY}:
        return Failure.CONFLICT
    if isinstance(error, PyMongoError) and (
        isinstance(error, ConnectionFailure | CursorNotFound | WriteConcernError | WTimeoutError | ExecutionTimeout)
        or error.has_error_label("TransientTransactionError")
        or error.has_error_label("UnknownTransactionCommitResult")
        or error.has_error_label("RetryableWriteError")
        or _codes(error) & _STATE_CHANGES
        or _is_unconcerned(error)
    ):
        return Failure.INFRASTRUCTURE
    if isinstance(error, (*_GARBLED, AMQPError, ReturnedError)):
        return Failure.INFRASTRUCTURE
    if isinstance(error, OSError) and error.filename is None:  # a TimeoutError too; a missing file is a bug
        return Failure.INFRASTRUCTURE
    return Failure.DATA


def fingerprint(error: BaseException) -> str:
    """Return the same short name for the same fault: error type and the innermost place; never its message.

    An error's message may hold the value that caused it, so it is neither stored nor logged.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"
    return f"{type(error).__name__}@{place}"


def _is_unconcerned(error: PyMongoError) -> bool:
    """Tell whether a bulk was written as asked, and only its durability is in doubt."""
    details = error.details if isinstance(error, BulkWriteError) else {}
    return bool(details.get("writeConcernErrors")) and not details.get("writeErrors")


def _codes(error: BaseException) -> set[int]:
    """Return the server's error codes, those of a bulk write's members included."""
    codes = {getattr(error, "code", None)}
    details = getattr(error, "details", None)
    if isinstance(details, dict):
        codes |= {member.get("code") for member in details.get("writeErrors", ())}
    return {code for code in codes if isinstance(code, int)}
