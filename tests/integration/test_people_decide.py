"""People read their letters and decide, through the doors of services as processes: what the demonstration does."""

import asyncio
import socket
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pypdfium2  # type: ignore[import-untyped]
import pytest

from deploy.local.users import INSURERS_FILE
from deploy.local.users import insurers as insurers_table
from shared.clock import paris_date
from shared.http.server import serving
from simulator.deciding import Decided, decide
from simulator.insurer import Tally, insurers, publish_all
from simulator.issuer import create_app, new_key
from simulator.letterbox import codes_by_post
from simulator.patients import Intention, activate, ask_code, confirm, ins_of, plans
from simulator.phone import PhoneAgent, agent_token
from simulator.population import Person, people
from simulator.printer import produce
from simulator.publications import Season, is_open
from tests.integration.conftest import ROOT, Installation, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

TOLD = 40
ROLES = (
    ("ingest", "worker"),
    ("records", "worker"),
    ("records", "jobs"),
    ("records", "api"),
    ("notifications", "worker"),
    ("notifications", "jobs"),
    ("notifications", "api"),
)


@dataclass
class Town:
    """Services that run, and what people and agents have in their hands."""

    installation: Installation
    mongo: Any
    folder: Path
    records: httpx.AsyncClient
    notifications: httpx.AsyncClient
    issuer: httpx.AsyncClient
    agent: PhoneAgent

    async def states(self, collection: str = "accounts") -> Counter[str]:
        """Return how many of records' rows are in each state."""
        rows = self.mongo["records" + self.installation.suffix][collection].find({}, {"state": 1})
        return Counter([row["state"] async for row in rows])

    def print(self) -> None:
        """Let the printer post what is there."""
        produce(self.folder / "lots", self.folder / "returns", share=0, day=paris_date(datetime.now(UTC)))

    def codes(self, crowd: list[Person]) -> dict[str, str]:
        """Read everybody's letters."""
        return codes_by_post((self.folder / "lots").glob("????????-?????"), crowd)


def free_port() -> str:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


@pytest.fixture
async def town(installation: Installation, mongo_client: Any, tmp_path: Path) -> AsyncIterator[Town]:
    """Run the services of the opt-out with their doors, and an issuer of tokens."""
    processes: list[Process] = []
    async with serving(create_app(new_key()), "127.0.0.1", 0) as port:
        issuer = f"http://127.0.0.1:{port}"
        ports = {each: free_port() for each in ROLES}
        for service, role in ROLES:
            environment = installation.environment(
                service,
                CARNET_INSURERS_FILE=str(INSURERS_FILE),
                CARNET_JWKS_URL=f"{issuer}/jwks",
                CARNET_LOTS_DIR=str(tmp_path / "lots"),
                CARNET_RETURNS_DIR=str(tmp_path / "returns"),
                CARNET_EVERY="PT0.3S",
                CARNET_CAMPAIGN_EVERY_S="0.3",
                CARNET_DEADLINES_EVERY_S="0.3",
                CARNET_HTTP_PORT=ports[service, role],
            )
            command = installation.command(service, role)
            processes.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment))
        urls = [*(f"http://127.0.0.1:{ports[name, 'api']}" for name in ("records", "notifications")), issuer]
        clients = [httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) for url in urls]
        records, notifications, tokens = clients
        agent = PhoneAgent(records, await agent_token(tokens, "agent-1"))
        try:
            yield Town(installation, mongo_client, tmp_path, records, notifications, tokens, agent)
        finally:
            for client in clients:
                await client.aclose()
            for process in processes:
                with suppress(ProcessLookupError):
                    process.terminate()
            await asyncio.gather(*(process.wait() for process in processes))


async def test_everybody_decides_by_the_own_way(town: Town):
    """Letters are read, people oppose by every way, activate, ask for codes; each door and book says so (F10, F11)."""
    crowd = list(people(7, 200))
    told, legacy = [p for p in crowd if not is_open(p)][:TOLD], next(p for p in crowd if is_open(p))
    await _register(town, [*told, legacy])
    await until(lambda: _posted(town), "the posting of the letters", 90)
    codes = town.codes(told)
    assert len(codes) >= TOLD - 2, "hardly anybody shares name and address with somebody"

    planned = plans([person for person in told if person.ins in codes], seed=7)
    today = paris_date(datetime.now(UTC))
    first = await decide(planned, codes, town.records, town.agent, today=today)

    assert {answer for _, answer in first.answers} == {"done"}
    assert {intention for intention, _ in first.answers} >= {Intention.OPPOSE_ONLINE, Intention.ACTIVATE}
    states = await town.states()
    assert states["opposed"] == len(first.attestations)
    assert states["activated"] == first.done(Intention.ACTIVATE)
    await _see_the_proof(first)
    online = [plan for plan in planned if plan.intention is Intention.OPPOSE_ONLINE]
    again = await decide(online, codes, town.records, town.agent, today=today)
    assert again.attestations.items() <= first.attestations.items()

    await _close_a_legacy_dmp(town, legacy, today)
    await _open_again_with_a_new_code(town, next(p for p in told if p.ins in first.attestations), told, codes)
    await _see_own_notices(town, told[0])


async def _register(town: Town, crowd: list[Person]) -> None:
    now = datetime.now(UTC)
    season = Season(now.isoformat(), paris_date(now))
    users = {each["code"]: each["user"] for each in insurers_table()}
    async with asyncio.timeout(120):
        while True:
            with suppress(Exception):  # the services are still starting
                async with insurers(users, town.installation.amqp_url, Tally()) as senders:
                    await publish_all(senders, [season.registration(person) for person in crowd])
                    break
            await asyncio.sleep(0.5)
    for client in (town.records, town.notifications):
        await until(lambda client=client: _ready(client), "readiness", 120)  # type: ignore[misc]


async def _ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).is_success
    except httpx.TransportError:
        return False


async def _posted(town: Town) -> bool:
    town.print()
    return (await town.states("notices"))["running"] == TOLD


async def _see_the_proof(decided: Decided) -> None:
    """The proof is a page that names the attestation (F11)."""
    assert decided.proof is not None
    document = pypdfium2.PdfDocument(decided.proof)
    assert len(document) == 1
    said = document[0].get_textpage().get_text_range().replace(" ", "").lower()
    assert any(attestation in said for attestation in decided.attestations.values())


async def _close_a_legacy_dmp(town: Town, person: Person, today: Any) -> None:
    """A legacy DMP stays against a first opposition and is closed by the confirmed one (F04)."""
    made = (await town.agent.oppose(person, channel="post", dated=today)).raise_for_status().json()
    assert made["effect"] == "dmp-kept"
    closed = (await confirm(town.records, person, made["attestation"])).raise_for_status().json()
    assert closed["effect"] == "dmp-closed"
    assert (await town.states())["closed"] == 1
    assert (await town.agent.reopen(person)).raise_for_status().json()["state"] == "open"


async def _open_again_with_a_new_code(town: Town, person: Person, crowd: list[Person], codes: dict[str, str]) -> None:
    """Who opposed asks for a code, gets it by letter, and opens the record with it (F12)."""
    assert (await ask_code(town.records, person)).status_code == 202

    async def another() -> bool:
        return town.codes(crowd).get(person.ins, codes.get(person.ins)) != codes.get(person.ins)

    await until(another, "another letter", 60)
    answer = await activate(town.records, person, town.codes(crowd)[person.ins])
    assert answer.raise_for_status().json()["state"] == "activated"


async def _see_own_notices(town: Town, person: Person) -> None:
    """A person sees the own notices with a token, and nobody's without one."""
    wanted = {"kind": "patient", "sub": "p", "ins": ins_of(person)}
    token = (await town.issuer.post("/token", json=wanted)).raise_for_status().json()["access_token"]
    shown = await town.notifications.get("/v1/notices", headers={"authorization": f"Bearer {token}"})
    assert {notice["channel"] for notice in shown.raise_for_status().json()["notices"]} == {"post"}
    assert (await town.notifications.get("/v1/notices")).status_code == 401
