"""The doors of what follows an opposition: who gets the proof, who confirms, who opens again."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pymongo.errors import AutoReconnect

from services.records.api.counter import Counter
from services.records.api.opposition import opposition_doors
from services.records.api.proofs import proof_doors
from services.records.domain.proof import Proof
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.identity import blind_index, parse_ins
from shared.identity.ins import TEST
from tests.fakes.ingest import INS, OTHER_INS
from tests.unit.records.office import POSTED, Office

INDEX_KEY = b"\x07" * 32
NUMBER = {"value": INS, "oid": TEST}
NOBODY = {"value": OTHER_INS, "oid": TEST}


class PaperPress:
    """`ProofPress` that prints what it was given."""

    async def render(self, proof: Proof) -> bytes:
        """Return the number and the effect."""
        return f"%PDF {proof.attestation} {proof.effect}".encode()


async def _agent(request: Request) -> Principal:
    name = request.headers.get("authorization")
    if name is None:
        raise Problem(401, "token-missing")
    return Principal(name, Kind.PHONE_AGENT, frozenset())


class Town:
    """A service's doors, and one person with a legacy DMP or with a notice."""

    def __init__(self, client: httpx.AsyncClient, office: Office) -> None:
        self.client, self.office = client, office

    async def post(self, door: str, agent: str | None = None, **body: Any) -> httpx.Response:
        """Call a door, as an agent or as anybody."""
        headers = {} if agent is None else {"authorization": agent}
        return await self.client.post(f"/v1/{door}", json=body, headers=headers)

    async def opposed(self, agent: str = "agent-7") -> str:
        """Have an agent write an opposition down; return its number."""
        answer = await self.post("agents/opposition", agent, ins=NUMBER, channel="phone", dated=POSTED.isoformat())
        assert answer.json()["proof"] == "/v1/opposition/proof"
        return str(answer.json()["attestation"])


@pytest.fixture(params=["notified"])
async def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """Give the doors."""
    monkeypatch.setattr("shared.http.even.EVEN_S", 0.0)
    office = Office()
    index = blind_index(INDEX_KEY, parse_ins(INS, TEST, production=False))
    office.vault.subjects[index] = (await office.vault.ensure_subjects({"index of alice"}))["index of alice"]
    if request.param == "legacy":
        await office.register(dmp_created_on=date(2015, 3, 2))
        office.clock.instant = office.clock.instant.replace(day=15)
    else:
        await office.notified()
    app = FastAPI()
    problems.install(app)
    counter = Counter(office.perform, office.desk, INDEX_KEY, False)
    app.include_router(opposition_doors(counter, agent=_agent))
    app.include_router(proof_doors(counter, PaperPress(), agent=_agent))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://records") as client:
        yield Town(client, office)


async def test_the_proof(town: Town):
    """Number and INS give a PDF that no cache keeps, the number typed as it is printed (F11)."""
    number = await town.opposed()
    printed = " ".join(number[at : at + 4] for at in range(0, 32, 4)).upper()

    answer = await town.post("opposition/proof", attestation=printed, ins=NUMBER)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(f"%PDF {number}".encode())


async def test_strangers_are_answered_alike(town: Town):
    """A wrong number and somebody else's INS get the same bytes (F11)."""
    number = await town.opposed()

    answers = [
        await town.post("opposition/proof", attestation="0" * 32, ins=NUMBER),
        await town.post("opposition/proof", attestation=number, ins=NOBODY),
        await town.post("opposition/confirmation", attestation=number, ins=NOBODY),
    ]

    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert answers[0].json()["code"] == "attestation-unknown"


async def test_it_takes_the_same_time(town: Town, monkeypatch: pytest.MonkeyPatch):
    """Whatever is found, the answer about a number does not leave before its time."""
    monkeypatch.setattr("shared.http.even.EVEN_S", 0.05)
    for door in ("opposition/proof", "opposition/confirmation"):
        answer = await town.post(door, attestation="0" * 32, ins=NOBODY)
        assert answer.elapsed.total_seconds() >= 0.05


@pytest.mark.parametrize(("agent", "status"), [("agent-7", 200), ("agent-8", 404), (None, 401)])
async def test_the_proof_for_its_agent(town: Town, agent: str | None, status: int):
    """The agent who wrote an opposition down gets its proof; another one, and whoever is none, does not (F11)."""
    number = await town.opposed("agent-7")
    headers = {} if agent is None else {"authorization": agent}

    answer = await town.client.get(f"/v1/agents/oppositions/{number}/proof", headers=headers)

    assert answer.status_code == status


async def test_no_trace_no_proof(town: Town, monkeypatch: pytest.MonkeyPatch):
    """I112: where the trace of a proof's reading cannot be written, nothing is printed and nothing sent."""
    number = await town.opposed()
    printed: list[Proof] = []

    async def fails(*_: object) -> None:
        raise AutoReconnect("away")

    async def render(_press: PaperPress, proof: Proof) -> bytes:
        printed.append(proof)
        return b"%PDF"

    monkeypatch.setattr(town.office, "commit", fails)
    monkeypatch.setattr(PaperPress, "render", render)
    by_holder = await town.post("opposition/proof", attestation=number, ins=NUMBER)
    path, agent = f"/v1/agents/oppositions/{number}/proof", {"authorization": "agent-7"}
    by_agent = await town.client.get(path, headers=agent)

    assert (by_holder.status_code, by_agent.status_code, printed) == (503, 503, [])


@pytest.mark.parametrize("town", ["legacy"], indirect=True)
async def test_a_confirmation(town: Town):
    """The number of an opposition that left a DMP closes it, with the same answer again; agents reopen (F04)."""
    number = await town.opposed()

    first = await town.post("opposition/confirmation", attestation=number, ins=NUMBER)

    assert (first.status_code, first.json()["effect"]) == (200, "dmp-closed")
    assert (await town.post("opposition/confirmation", attestation=number, ins=NUMBER)).json() == first.json()
    again = await town.post("agents/reopening", "agent-7", ins=NUMBER)
    assert (again.status_code, again.json()["state"]) == (200, "open")


@pytest.mark.parametrize(
    ("door", "agent", "body", "status", "code"),
    [
        ("opposition/confirmation", None, {"ins": NUMBER}, 422, "invalid-request"),
        ("opposition/proof", None, {"ins": NUMBER, "attestation": "CANARY77"}, 422, "invalid-request"),
        ("opposition/proof", None, {"ins": NUMBER, "attestation": {"$ne": None}}, 422, "invalid-request"),
        ("opposition/proof", None, {"ins": NUMBER, "attestation": "0" * 65}, 422, "invalid-request"),
        ("opposition/proof", None, {"ins": NUMBER, "attestation": "0" * 32, "record": "x"}, 422, "invalid-request"),
        ("agents/reopening", None, {"ins": NUMBER}, 401, "token-missing"),
        ("agents/reopening", "agent-7", {"ins": NOBODY}, 404, "person-unknown"),
        ("agents/reopening", "agent-7", {"ins": NUMBER}, 409, "account-transition"),
        (
            "agents/opposition/confirmation",
            "agent-7",
            {"ins": NUMBER, "channel": "post", "dated": "2022-01-15"},
            409,
            "nothing-to-confirm",
        ),
    ],
)
async def test_refused(*, town: Town, door: str, agent: str | None, body: dict[str, Any], status: int, code: str):
    """What is malformed, unknown, forbidden or pointless is refused with a stable code that repeats nothing."""
    answer = await town.post(door, agent, **body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "CANARY77" not in answer.text
    assert INS not in answer.text
