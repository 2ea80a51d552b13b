"""What a failure means: the list of infrastructure errors is closed, and everything else is data (rule 5)."""

import asyncio

import pytest
from aio_pika.exceptions import AMQPConnectionError, DeliveryError
from bson.errors import InvalidBSON, InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    DocumentTooLarge,
    DuplicateKeyError,
    InvalidOperation,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ProtocolError,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)

from shared.errors import RefusedError
from shared.messaging.cloudevents import OversizedEventError
from shared.messaging.failures import Failure, FencedError, RacedError, ReturnedError, classify, fingerprint


def labelled(*labels: str) -> PyMongoError:
    """Return a driver's error with labels."""
    error = OperationFailure("", 251)
    for label in labels:
        error._add_error_label(label)
    return error


INFRASTRUCTURE = [
    AutoReconnect(),
    NetworkTimeout(),
    NotPrimaryError(),
    ServerSelectionTimeoutError(),
    WriteConcernError("", 64),
    WTimeoutError("", 64),
    CursorNotFound("", 43),
    BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
    WriteError("Not primary while writing", 189),
    BulkWriteError({"writeErrors": [{"code": 11602}]}),
    OperationFailure("No keys found for HMAC that is valid for time", 211),
    labelled("TransientTransactionError"),
    labelled("UnknownTransactionCommitResult"),
    InvalidBSON(),
    ProtocolError(),
    ReturnedError(),
    AMQPConnectionError(),
    DeliveryError(None, None),  # type: ignore[arg-type]
    ConnectionResetError(),
    TimeoutError(),
    OSError("no route to host"),
]

CONFLICT = [
    RacedError(),
    OperationFailure("", 112),
    DuplicateKeyError("", 11000),
    BulkWriteError({"writeErrors": [{"code": 11000}]}),
]

DATA = [
    ValueError(),
    KeyError("x"),
    RefusedError("ins-key"),
    OversizedEventError(),
    OperationFailure("", 13),
    DocumentTooLarge("too large"),
    InvalidOperation(),
    BulkWriteError({"writeErrors": [{"code": 121}]}),
    InvalidDocument("an object that BSON does not know"),
    FileNotFoundError(2, "no such file", "template.typ"),
    PermissionError(13, "denied", "key"),
    asyncio.QueueFull(),
]


@pytest.mark.parametrize(
    ("kind", "error"),
    [(Failure.INFRASTRUCTURE, error) for error in INFRASTRUCTURE]
    + [(Failure.CONFLICT, error) for error in CONFLICT]
    + [(Failure.DATA, error) for error in DATA]
    + [(Failure.FENCED, FencedError())],
    ids=lambda given: given.name if isinstance(given, Failure) else type(given).__name__,
)
def test_kinds(kind: Failure, error: Exception):
    """Each error is of one kind; only data is ever counted against an event (rule 5)."""
    assert classify(error) is kind


def test_write_conflict_in_a_transaction():
    """A write conflict is one although the driver also calls it transient: it is tried at once, not backed off."""
    error = OperationFailure("", 112)
    error._add_error_label("TransientTransactionError")

    assert classify(error) is Failure.CONFLICT


def test_fingerprint_is_of_the_place():
    """The same fault has the same short name whatever value caused it, and the name holds nothing of the value."""

    def fault(text: str) -> str:
        try:
            int(text)
        except ValueError as error:
            return fingerprint(error)
        return ""

    assert fault("CANARY-1") == fault("CANARY-2")
    assert "CANARY" not in fault("CANARY-1")
    assert fault("x").startswith("ValueError@fault:")
    assert fingerprint(ValueError("never raised")) == "ValueError@unknown"
