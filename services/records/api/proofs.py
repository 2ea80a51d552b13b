"""``/v1``: the proof of an opposition as a PDF, its confirmation against a legacy DMP, and a change of mind."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from services.records.api.counter import Counter, InsIn, Strict
from services.records.api.opposition import AgentIn, OppositionOut, attested
from services.records.domain.opposition import Way
from services.records.domain.proof import Proof
from services.records.handlers.activations import reopen_for
from services.records.handlers.oppositions import confirm, confirm_for
from services.records.handlers.proofs import prove, prove_for
from services.records.ports import ProofPress
from shared.http.even import evenly
from shared.http.identity import Principal

_PDF: Final = "application/pdf"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {_PDF: {}}}}


class AttestationIn(Strict):
    """Whoever holds an attestation: its number as it was typed, and the person's."""

    attestation: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Fa-f -]+$")]
    ins: InsIn

    @property
    def number(self) -> str:
        """The number as it was given: people read it in groups."""
        return "".join(self.attestation.split()).replace("-", "").lower()


class ReopeningIn(Strict):
    """Whose record an agent was asked to open again."""

    ins: InsIn


class ReopeningOut(BaseModel):
    """A record that is open again."""

    state: str
    since: datetime


def proof_doors(counter: Counter, press: ProofPress, *, agent: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """Return the router; ``agent`` says which phone agent calls, and refuses whoever is none."""
    router = APIRouter(prefix="/v1", tags=["opposition"])
    Agent = Annotated[Principal, Depends(agent)]  # noqa: N806 - a type
    Number = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]  # noqa: N806 - a type
    desk = counter.desk

    async def printed(proof: Proof) -> Response:
        headers = {
            "cache-control": "no-store",
            "content-disposition": 'inline; filename="justificatif-opposition.pdf"',
        }
        return Response(await press.render(proof), media_type=_PDF, headers=headers)

    @router.post("/opposition/proof", response_class=Response, responses=_ANSWERS)
    async def proof(body: AttestationIn) -> Response:
        """Give the proof to whoever knows attestation and INS; nobody can guess the one."""
        async with evenly():
            index = counter.index(body.ins)
            found = await counter.do(partial(prove, index, body.number, desk=desk))
        return await printed(found)

    @router.get("/agents/oppositions/{attestation}/proof", response_class=Response, responses=_ANSWERS)
    async def proof_for_agent(attestation: Number, caller: Agent) -> Response:
        """Give the proof to the agent who wrote the opposition down."""
        return await printed(await counter.do(partial(prove_for, attestation, caller.sub, desk=desk)))

    @router.post("/opposition/confirmation")
    async def confirmation(body: AttestationIn) -> OppositionOut:
        """Confirm an opposition that left a legacy DMP open: it is closed; the same again answers the same."""
        async with evenly():
            index = counter.index(body.ins)
            return attested(await counter.do(partial(confirm, index, body.number, desk=desk)))

    @router.post("/agents/opposition/confirmation")
    async def confirmation_by_agent(body: AgentIn, caller: Agent) -> OppositionOut:
        """Write down a confirmation by phone or post."""
        index = counter.index(body.ins)
        act = partial(confirm_for, index, Way(body.channel), body.dated, caller.sub, desk=desk)
        return attested(await counter.do(act))

    @router.post("/agents/reopening")
    async def reopening(body: ReopeningIn, _caller: Agent) -> ReopeningOut:
        """Open a record again on request, after an opposition or a closure; the same again answers the same."""
        account = await counter.do(partial(reopen_for, counter.index(body.ins), desk=desk))
        return ReopeningOut(state=account.state.value, since=account.since)

    return router
