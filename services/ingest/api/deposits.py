"""``/v1/documents`` and ``/v1/deposits``: a professional's software deposits a document and asks what became of it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from services.ingest.api.answers import DepositOut, answered, refused, shown, told
from services.ingest.api.bodies import Intray
from services.ingest.domain.deposits import Depositor
from services.ingest.domain.documents.confidentiality import NORMAL, with_hidings
from services.ingest.handlers.answers import Answers
from services.ingest.handlers.deposits import Candidate, Intake, Outcome, Refused, Taken, examine
from services.ingest.ports import Backlog
from shared.errors import RefusedError
from shared.http.even import EVEN_S, refusing_evenly
from shared.http.gate import Door
from shared.http.identity import Principal
from shared.http.problems import Problem
from shared.identity import name_of
from shared.messaging.failures import RacedError
from shared.messaging.gathering import OverloadedError

PATIENCE_S: Final = 2.0
"""How long a deposit waits for what records makes of it."""

_TRIES: Final = 5

Commit = Callable[[Candidate], Awaitable[Outcome]]
"""Has a deposit decided and committed together with those that wait at the same time: `Gathering.add`."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a body becomes a deposit: taken, examined, committed with others, answered."""

    intake: Intake
    intray: Intray
    commit: Commit
    answers: Answers
    backlog: Backlog
    patience: float = PATIENCE_S
    floor: float = field(default=EVEN_S)
    coming: Callable[[], AbstractContextManager[None]] = nullcontext
    """Tells whoever commits that a deposit is on its way: `Gathering.coming`."""

    async def take(self, request: Request, by: Depositor, hidings: list[str]) -> Taken:
        """Return a deposit that stands; raise a problem for one that is refused or cannot be taken now."""
        async with told():
            if await self.backlog.is_full():
                raise OverloadedError
        with self.intray.room(request):
            body = await self.intray.take(request)
            async with refusing_evenly(self.floor), told():
                with self.coming():
                    candidate = await examine(body, hidings, by, intake=self.intake, software=_software(request))
                outcome = await self._decide(candidate)
                if isinstance(outcome, Refused):
                    raise RefusedError(outcome.code, outcome.field)
                return outcome

    async def _decide(self, candidate: Candidate) -> Outcome:
        """Have it decided; whoever loses a race decides again on what is there by then."""
        for _ in range(_TRIES):
            with suppress(RacedError):
                return await self.commit(candidate)
        raise RacedError


def deposit_doors(counter: Counter, *, depositor: Door) -> APIRouter:
    """Return the router; ``depositor`` gives the professional or machine that calls, and refuses whoever is none."""
    router = APIRouter(prefix="/v1", tags=["deposits"])
    Caller = Annotated[Principal, Depends(depositor)]  # noqa: N806 - a type
    deposits, index_key = counter.intake.deposits, counter.intake.index_key

    @router.post("/documents", status_code=201, response_model=DepositOut)
    async def deposit_document(request: Request, caller: Caller) -> Response:
        """Deposit a CDA document: 201 once it is in the record, 202 while that is not known, 200 if it was before.

        ``confidentiality`` in the query, repeated, asks for hidings. ``Prefer: respond-async`` (RFC 7240) asks for
        202 as soon as the document is kept.
        """
        hidings = _hidings(request, combined=counter.intake.combined)
        taken = await counter.take(request, _who(caller), hidings)
        if _is_patient(request):
            ended = await counter.answers.wait(taken.deposit.document, counter.patience)
            return answered(taken.deposit if ended is None else ended, again=taken.again)
        return answered(taken.deposit, again=taken.again, headers={"preference-applied": "respond-async"})

    @router.get("/deposits/{document}", response_model_exclude_none=True)
    async def deposit_status(document: str, caller: Caller, response: Response) -> DepositOut:
        """Tell a depositor what became of an own deposit; anybody else's is as unknown as one that never was."""
        async with told():
            found = (await deposits.find({document})).get(document)
        if found is None or found.depositor != name_of(index_key, _who(caller).national_id):
            raise Problem(404, "deposit-unavailable")
        response.headers["cache-control"] = "no-store"
        return shown(found)

    return router


def _who(caller: Principal) -> Depositor:
    """Return the person or the structure; the gate vouched for one of them."""
    who = caller.professional or caller.structure
    if who is None:
        raise Problem(403, "other-kind")
    return who


def _hidings(request: Request, *, combined: bool) -> list[str]:
    """Return the hidings asked for; what the document says plays no part in refusing them (F36)."""
    if request.query_params.keys() - {"confidentiality"}:
        raise Problem(400, "parameter-unknown")
    asked = request.query_params.getlist("confidentiality")
    try:
        with_hidings(NORMAL, asked, combined=combined)
    except RefusedError as refusal:
        raise refused(refusal) from None
    return asked


def _is_patient(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return "respond-async" not in (preference.partition(";")[0].strip().lower() for preference in preferences)


def _software(request: Request) -> str | None:
    """Return what the caller's software calls itself, cut to what a trace may hold."""
    name = request.headers.get("user-agent", "")
    return name[:128] if name and name.isprintable() else None
