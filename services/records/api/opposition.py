"""``/v1``: a person opposes, activates or asks for a code; an agent writes down an opposition by phone or post."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from services.records.api.counter import Counter, InsIn, PersonIn, Strict, refusal
from services.records.domain.opposition import Opposition, Way
from services.records.handlers.activations import activate, request_code
from services.records.handlers.oppositions import oppose, oppose_for
from shared.contracts.event import Day
from shared.http.even import evenly
from shared.http.identity import Principal

PROOF: Final = "/v1/opposition/proof"


class HolderIn(PersonIn):
    """A person who holds a notice: its code too, as it was typed."""

    code: Annotated[str, Field(max_length=32, pattern=r"^[0-9A-Za-z -]+$")]


class AgentIn(Strict):
    """An opposition that an agent received."""

    ins: InsIn
    channel: Literal["phone", "post"]
    dated: Day
    """The day of the call, or of the postmark."""


class OppositionOut(BaseModel):
    """The attestation of an opposition; ``dmp-kept``: a DMP that existed before stays until it is confirmed."""

    attestation: str
    proof: str
    """Where the proof is, as a PDF: POST with attestation and INS; an agent: GET under its own path."""
    effect: Literal["opposed", "dmp-kept", "dmp-closed"]
    channel: Literal["online", "phone", "post"]
    dated: date
    recorded_at: datetime


class ActivationOut(BaseModel):
    """An activated record."""

    state: Literal["activated"] = "activated"
    since: datetime


def opposition_doors(counter: Counter, *, agent: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """Return the router; ``agent`` says which phone agent calls, and refuses whoever is none."""
    router = APIRouter(prefix="/v1", tags=["opposition"])
    Agent = Annotated[Principal, Depends(agent)]  # noqa: N806 - a type
    desk = counter.desk

    @router.post("/opposition")
    async def opposition(body: HolderIn) -> OppositionOut:
        """Oppose with the code of the notice; the same again answers the same."""
        async with evenly():
            return attested(await counter.do(partial(oppose, counter.index(body.ins), body.code, desk=desk)))

    @router.post("/activation")
    async def activation(body: HolderIn) -> ActivationOut:
        """Activate with the code of the notice, before or after the deadline, or after an opposition."""
        async with evenly():
            account = await counter.do(partial(activate, counter.index(body.ins), body.code, desk=desk))
        return ActivationOut(since=account.since)

    @router.post("/codes", status_code=202)
    async def codes(body: PersonIn) -> dict[str, str]:
        """Ask for another code; the answer does not tell whether anybody is known by this number."""
        async with evenly():
            wait = await counter.do(partial(request_code, counter.index(body.ins), desk=desk))
        if wait is not None:
            raise refusal("code-too-soon", wait)
        return {"status": "accepted"}

    @router.post("/agents/opposition")
    async def opposition_by_agent(body: AgentIn, caller: Agent) -> OppositionOut:
        """Write down an opposition by phone or post, dated by the agent; the same again answers the same."""
        index = counter.index(body.ins)
        act = partial(oppose_for, index, Way(body.channel), body.dated, caller.sub, desk=desk)
        return attested(await counter.do(act))

    return router


def attested(made: Opposition, proof: str = PROOF) -> OppositionOut:
    """Return an opposition as it is answered, the first time and every time again."""
    return OppositionOut(
        attestation=made.id,
        proof=proof,
        effect=made.effect.value,
        channel=made.way.value,
        dated=made.dated,
        recorded_at=made.at,
    )
