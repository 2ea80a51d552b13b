"""The doors of a ward on stores in memory, and who stands before them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI, Request

from services.ingest.api.bodies import Intray
from services.ingest.api.deposits import Counter, deposit_doors
from services.ingest.domain.deposits import Deposit, DepositState, end
from services.ingest.handlers.answers import Answers
from services.ingest.handlers.deposits import Candidate, Outcome
from shared.http import problems
from shared.http.api import MAX_BODY
from shared.http.identity import Kind, Principal
from shared.http.limits import BodyLimit
from shared.http.problems import Problem
from tests.fakes.documents import cda
from tests.fakes.ingest import NOON
from tests.unit.ingest.intake import CLINIC, MAUD, PAUL, Ward

LARGEST = 200_000
XML = {"content-type": "application/xml"}
CALLERS = {
    "maud": Principal("maud", Kind.PROFESSIONAL, frozenset(), professional=MAUD),
    "paul": Principal("paul", Kind.PROFESSIONAL, frozenset(), professional=PAUL),
    "clinic": Principal("clinic", Kind.MACHINE, frozenset(), structure=CLINIC),
    "nobody": Principal("nobody", Kind.MACHINE, frozenset()),
}
CANARY = "CANARI-79035"
BODY = cda(title=f"<title>{CANARY}</title>")


async def caller(request: Request) -> Principal:
    """Let in whom the token names, in clear."""
    name = request.headers.get("authorization", "").removeprefix("Bearer ")
    if name not in CALLERS:
        raise Problem(401, "token-missing")
    return CALLERS[name]


class Desk:
    """The doors of a ward, and records at the other end, answering or not."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        self.records: str | None = "stored"
        """What records makes of a document at once: ``stored``, a reason, or None for no answer."""
        self.fault: Exception | None = None
        self.sizes: list[int] = []
        intray = Intray(largest=LARGEST, together=3 * LARGEST, seconds=5)
        self.full = False
        answers = Answers(ward.deposits, every=0)
        self.counter = Counter(ward.intake, intray, self.commit, answers, self, patience=0.2, floor=0)
        self.app = FastAPI()
        self.app.add_middleware(BodyLimit, max_bytes=LARGEST + MAX_BODY)
        problems.install(self.app)
        self.app.include_router(deposit_doors(self.counter, depositor=caller))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://ingest")

    async def commit(self, candidate: Candidate) -> Outcome:
        """Decide and commit, and let records answer."""
        if self.fault is not None:
            raise self.fault
        self.sizes.append(len(candidate.body))
        (outcome,) = await self.ward.commit([candidate])
        for event in self.ward.received:
            known = self.ward.deposits.rows[event.data.document_id]
            if self.records is not None and known.state is DepositState.RECEIVED:
                reason = None if self.records == "stored" else self.records
                self.ward.deposits.rows[known.document] = end(known, NOON + timedelta(seconds=1), reason)
        return outcome

    async def is_full(self) -> bool:
        """See `Backlog.is_full`."""
        return self.full

    async def post(
        self, body: Any = BODY, query: str = "", by: str = "maud", headers: Mapping[str, str] = XML
    ) -> httpx.Response:
        """Deposit a document."""
        lines = {"authorization": f"Bearer {by}", **headers}
        return await self.client.post(f"/v1/documents{query}", content=body, headers=lines)

    async def status(self, place: str, by: str = "maud") -> httpx.Response:
        """Ask what became of a deposit."""
        return await self.client.get(place, headers={"authorization": f"Bearer {by}"})

    @property
    def rows(self) -> list[Deposit]:
        """What was deposited."""
        return list(self.ward.deposits.rows.values())
