"""``/ops/log/erasures``: two operators have destroyed what the log says of a record, on a lawful order."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.audit.domain.erasing import Order
from services.audit.handlers.erasing import Erasing, order_erasure
from shared.http.gate import Door, agreeing
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.messaging.acts import Perform


class ErasureIn(BaseModel):
    """Of which record, and by which order."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    record: Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]


def erasing_doors(erasing: Erasing, perform: Perform, operator: Door, second_operator: Door) -> APIRouter:
    """Return the router; ``operator`` says who calls, ``second_operator`` who agrees."""
    router = APIRouter(prefix="/ops/log", tags=["log"])
    Operator = Annotated[Principal, Depends(operator)]  # noqa: N806 - a type
    Second = Annotated[Principal, Depends(second_operator)]  # noqa: N806 - a type

    @router.post("/erasures", status_code=202)
    async def erase(body: ErasureIn, caller: Operator, second: Second) -> dict[str, Any]:
        """Have the texts destroyed; the entries and their proofs stay, and one more says that it was done."""
        order = Order("order", body.reference, caller.sub, agreeing(second, caller))
        entries = await order_erasure(body.record, order, perform, erasing)
        if not entries:
            raise Problem(404, "record-unknown")
        return {"entries": entries}

    return router
