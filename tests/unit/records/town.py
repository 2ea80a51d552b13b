"""The doors of the opt-out on stores in memory, and one person who got a notice."""

from typing import Any

import httpx
from fastapi import FastAPI, Request

from services.records.api.campaign import campaign_doors
from services.records.api.counter import Counter
from services.records.api.opposition import opposition_doors
from services.records.domain.delay import Policy
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.identity.ins import TEST
from tests.fakes.ingest import INS, OTHER_INS
from tests.unit.records.office import CAMPAIGN, Office

INDEX_KEY = b"\x07" * 32
NUMBER = {"value": INS, "oid": TEST}
NOBODY = {"value": OTHER_INS, "oid": TEST}
SERIAL = "12345678"


async def _bearer(request: Request, kind: Kind) -> Principal:
    if request.headers.get("authorization") != f"Bearer {kind}":
        raise Problem(401, "token-missing")
    return Principal("agent-7", kind, frozenset())


async def an_agent(request: Request) -> Principal:
    """Let phone agents in."""
    return await _bearer(request, Kind.PHONE_AGENT)


async def _operator(request: Request) -> Principal:
    return await _bearer(request, Kind.OPERATOR)


class Town:
    """A service's doors, and one person who got a notice on 15 January 2022."""

    def __init__(self, client: httpx.AsyncClient, office: Office, record: str) -> None:
        self.client, self.office, self.record = client, office, record

    @property
    def code(self) -> str:
        """The code of the letter."""
        return self.office.code(self.record)

    async def oppose(self, code: str, ins: Any = NUMBER, **more: Any) -> httpx.Response:
        """Oppose online."""
        return await self.client.post("/v1/opposition", json={"ins": ins, "card_serial": SERIAL, "code": code, **more})

    async def activate(self, code: str) -> httpx.Response:
        """Activate."""
        return await self.client.post("/v1/activation", json={"ins": NUMBER, "card_serial": SERIAL, "code": code})

    async def by_phone(self, dated: str = "2022-01-15", bearer: str = "phone-agent", **more: Any) -> httpx.Response:
        """Oppose by an agent."""
        body = {"ins": NUMBER, "channel": "phone", "dated": dated, **more}
        headers = {"authorization": f"Bearer {bearer}"}
        return await self.client.post("/v1/agents/opposition", json=body, headers=headers)


def application(office: Office) -> FastAPI:
    """Return the doors of the opt-out before an office."""
    app = FastAPI()
    problems.install(app)
    app.include_router(opposition_doors(Counter(office.perform, office.desk, INDEX_KEY, False), agent=an_agent))
    app.include_router(
        campaign_doors(
            office.accounts,
            office.notices,
            campaign=CAMPAIGN,
            policy=Policy.SEED,
            clock=office.clock,
            operator=_operator,
        )
    )
    return app


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]
