"""Phone agents and clerks: they write down what people say by phone or post, by the public doors with their token."""

from datetime import date
from typing import Literal

import httpx

from simulator.patients import ins_of
from simulator.population import Person


class PhoneAgent:
    """One agent, who calls the doors in the agent's own name."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {token}"}

    async def oppose(self, person: Person, *, channel: Literal["phone", "post"], dated: date) -> httpx.Response:
        """Write an opposition down; ``dated``: the day of the call or of the postmark."""
        body = {"ins": ins_of(person), "channel": channel, "dated": dated.isoformat()}
        return await self._client.post("/v1/agents/opposition", json=body, headers=self._headers)

    async def confirm(self, person: Person, *, channel: Literal["phone", "post"], dated: date) -> httpx.Response:
        """Write the confirmation of an opposition down, against a legacy DMP."""
        body = {"ins": ins_of(person), "channel": channel, "dated": dated.isoformat()}
        return await self._client.post("/v1/agents/opposition/confirmation", json=body, headers=self._headers)

    async def reopen(self, person: Person) -> httpx.Response:
        """Have a record opened again, as its person asks."""
        return await self._client.post("/v1/agents/reopening", json={"ins": ins_of(person)}, headers=self._headers)

    async def fetch_proof(self, attestation: str) -> httpx.Response:
        """Fetch the proof of an opposition that this agent wrote down, as a PDF."""
        return await self._client.get(f"/v1/agents/oppositions/{attestation}/proof", headers=self._headers)


async def agent_token(issuer: httpx.AsyncClient, name: str) -> str:
    """Return an agent's token from the development issuer; raise `httpx.HTTPStatusError` if it gives none."""
    answer = await issuer.post("/token", json={"kind": "phone-agent", "sub": name})
    answer.raise_for_status()
    return str(answer.json()["access_token"])
