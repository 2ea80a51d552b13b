"""``/v1``: a person opposes, activates or asks for a code; an agent writes down an opposition by phone or post."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from math import ceil
from typing import Annotated, Final, Literal, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from services.records.domain.opposition import Opposition, Way
from services.records.handlers.activations import activate, request_code
from services.records.handlers.desk import Desk, Refused
from services.records.handlers.oppositions import oppose, oppose_for
from shared.contracts.event import Day
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.identity import InsError, blind_index, parse_ins
from shared.messaging.acts import Perform, Work
from shared.messaging.failures import Failure, classify

_STATUS: Final = {
    "code-unknown": 404,
    "person-unknown": 404,
    "code-expired": 409,
    "code-already-used": 409,
    "opposition-too-late": 409,
    "account-transition": 409,
    "date-future": 422,
    "code-too-soon": 429,
    "too-many-tries": 429,
}

_EVEN_S: Final = 0.06
"""What a stranger may ask takes this long at least: a few milliseconds do not tell a known INS from another."""

T = TypeVar("T")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class InsIn(_Strict):
    """A person's number and the OID that says its kind."""

    value: Annotated[str, Field(min_length=1, max_length=32)]
    oid: Annotated[str, Field(min_length=1, max_length=64)]


class PersonIn(_Strict):
    """Who says to be whom: the number, and the serial number of the health insurance card."""

    ins: InsIn
    card_serial: Annotated[str, Field(pattern=r"^[0-9]{8,13}$")]
    """Only its form can be checked: the register of cards is the insurer's."""


class HolderIn(PersonIn):
    """A person who holds a notice: its code too, as it was typed."""

    code: Annotated[str, Field(max_length=32, pattern=r"^[0-9A-Za-z -]+$")]


class AgentIn(_Strict):
    """An opposition that an agent received."""

    ins: InsIn
    channel: Literal["phone", "post"]
    dated: Day
    """The day of the call, or of the postmark."""


class OppositionOut(BaseModel):
    """The attestation of an opposition; ``dmp-kept``: a DMP that existed before stays until it is confirmed."""

    attestation: str
    effect: Literal["opposed", "dmp-kept"]
    channel: Literal["online", "phone", "post"]
    dated: date
    recorded_at: datetime


class ActivationOut(BaseModel):
    """An activated record."""

    state: Literal["activated"] = "activated"
    since: datetime


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a request becomes an act: who is meant, done in one transaction, refused with a problem."""

    perform: Perform
    desk: Desk
    index_key: bytes
    production: bool

    def index(self, ins: InsIn) -> str:
        """Return the blind index of a number; raise a 422 problem for what is none."""
        try:
            return blind_index(self.index_key, parse_ins(ins.value, ins.oid, production=self.production))
        except InsError as error:
            raise Problem(422, error.code, at="body/ins") from None

    async def do(self, work: Work[T | Refused]) -> T:
        """Return what an act answers; raise a problem for a refusal, and a 503 while it cannot be done."""
        try:
            answer = await self.perform(work)
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            raise Problem(503, headers={"retry-after": "5"}) from None
        if isinstance(answer, Refused):
            raise _refusal(answer.code, answer.wait)
        return answer


def opposition_doors(counter: Counter, *, agent: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """Return the router; ``agent`` says which phone agent calls, and refuses whoever is none."""
    router = APIRouter(prefix="/v1", tags=["opposition"])
    Agent = Annotated[Principal, Depends(agent)]  # noqa: N806 - a type
    desk = counter.desk

    @router.post("/opposition")
    async def opposition(body: HolderIn) -> OppositionOut:
        """Oppose with the code of the notice; the same again answers the same."""
        async with _evenly():
            return _attestation(await counter.do(partial(oppose, counter.index(body.ins), body.code, desk=desk)))

    @router.post("/activation")
    async def activation(body: HolderIn) -> ActivationOut:
        """Activate with the code of the notice, before or after the deadline, or after an opposition."""
        async with _evenly():
            account = await counter.do(partial(activate, counter.index(body.ins), body.code, desk=desk))
        return ActivationOut(since=account.since)

    @router.post("/codes", status_code=202)
    async def codes(body: PersonIn) -> dict[str, str]:
        """Ask for another code; the answer does not tell whether anybody is known by this number."""
        async with _evenly():
            wait = await counter.do(partial(request_code, counter.index(body.ins), desk=desk))
        if wait is not None:
            raise _refusal("code-too-soon", wait)
        return {"status": "accepted"}

    @router.post("/agents/opposition")
    async def opposition_by_agent(body: AgentIn, caller: Agent) -> OppositionOut:
        """Write down an opposition by phone or post, dated by the agent; the same again answers the same."""
        index = counter.index(body.ins)
        act = partial(oppose_for, index, Way(body.channel), body.dated, caller.sub, desk=desk)
        return _attestation(await counter.do(act))

    return router


@asynccontextmanager
async def _evenly() -> AsyncIterator[None]:
    """Leave no sooner than `_EVEN_S` after entering, however it goes."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _EVEN_S
    try:
        yield
    finally:
        await asyncio.sleep(until - loop.time())


def _refusal(code: str, wait: timedelta | None = None) -> Problem:
    headers = {} if wait is None else {"retry-after": str(ceil(wait.total_seconds()))}
    return Problem(_STATUS[code], code, headers=headers)


def _attestation(made: Opposition) -> OppositionOut:
    return OppositionOut(
        attestation=made.id,
        effect=made.effect.value,
        channel=made.way.value,
        dated=made.dated,
        recorded_at=made.at,
    )
