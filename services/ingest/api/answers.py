"""What the doors of deposits answer: where a deposit stands, and what is wrong or cannot be done now, as problems."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal

from fastapi import Response
from pydantic import BaseModel

from services.ingest.domain.deposits import Deposit, DepositState
from services.ingest.ports import ReaderLostError
from shared.errors import RefusedError
from shared.http.problems import Problem
from shared.messaging.failures import Failure, classify
from shared.messaging.gathering import OverloadedError

_STATUS: Final[Mapping[str, int]] = {
    "xml-too-large": 413,
    "record-unavailable": 404,
    "document-conflict": 409,
}
"""All other codes answer 422."""


class DepositOut(BaseModel):
    """Where a deposit stands; ``received``: it is kept, and its fate is not known yet."""

    document: str
    status: Literal["received", "stored", "refused"]
    received_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None
    """Why it was refused; `shared.contracts.reasons`."""


def answered(found: Deposit, *, again: bool, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to a deposit that stands; raise a problem where records refused it."""
    if found.state is DepositState.REFUSED:
        raise refused(RefusedError(_public(found.reason)))
    done = 200 if again else 201
    status = done if found.state is DepositState.STORED else 202
    place = {"location": f"/v1/deposits/{found.document}", "cache-control": "no-store", **(headers or {})}
    return Response(shown(found).model_dump_json(exclude_none=True), status, place, "application/json")


def shown(found: Deposit) -> DepositOut:
    """Return where a deposit stands."""
    is_refused = found.state is DepositState.REFUSED
    return DepositOut(
        document=found.document,
        status=found.state.value,
        received_at=found.received,
        ended_at=found.ended,
        reason=_public(found.reason) if is_refused else None,
    )


def _public(reason: str | None) -> str:
    """Return what a depositor may know: that there is no open record, never why; the trace says it."""
    return reason if reason is not None and reason in _STATUS else "record-unavailable"


def refused(refusal: RefusedError) -> Problem:
    """Return the problem of a refusal."""
    at: dict[str, Any] = {} if refusal.field is None else {"at": refusal.field}
    return Problem(_STATUS.get(refusal.code, 422), refusal.code, **at)


@asynccontextmanager
async def told() -> AsyncIterator[None]:
    """Turn refusals and failures of what stands behind this door into problems."""
    try:
        yield
    except RefusedError as refusal:
        raise refused(refusal) from None
    except (OverloadedError, ReaderLostError):
        raise _later() from None
    except Exception as error:
        if classify(error) is Failure.DATA:
            raise
        raise _later() from None


def _later() -> Problem:
    return Problem(503, headers={"retry-after": "5"})
