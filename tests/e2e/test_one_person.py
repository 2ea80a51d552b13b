"""One person's way: registered, written to, opened early, written about, read, and shown who did what."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.demonstration.stage import CLOCK
from shared.clock import ClockAhead, paris_date
from simulator.callers import Caller, Register, consulted
from simulator.clinic import Clinics
from simulator.clinic_documents import documents
from simulator.letterbox import codes_by_post
from simulator.patients import activate
from simulator.population import people
from simulator.printer import produce
from simulator.publications import is_open, season_at
from simulator.tokens import doctor, patient
from tests.e2e.conftest import Demo, Result, publish

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

DENIED = 404


@pytest.fixture
async def gateway(demo: Demo, summary: Result) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the gateway, who trusts the clone's own authority and nobody else."""
    trust = ssl.create_default_context(cafile=demo.home / "demo" / "tls" / "ca.pem")
    address = summary["addresses"]["gateway"]
    async with httpx.AsyncClient(base_url=address, verify=trust, trust_env=False, timeout=30) as client:
        yield client


async def test_one_person_walks_from_registration_to_the_access_list(
    demo: Demo, summary: Result, gateway: httpx.AsyncClient
):
    """Letter, activation, deposit, denial, consent, read: all in the person's list (F05, F10, F25, F48, F58)."""
    home, issuer = demo.home / "demo", summary["addresses"]["issuer"]
    now = ClockAhead(home / CLOCK).now()
    person = next(each for each in people(77, 50) if not is_open(each))
    register, doors = Register(), {"/v1": str(gateway.base_url).rstrip("/")}
    holder = Caller(gateway, issuer, doors, patient(person), register)
    reader = consulted(person)
    professional = Caller(gateway, issuer, doors, doctor(reader), register)

    await publish(demo, season_at(now).registration(person))
    code = await eventually(lambda: _letter(home, person, now))
    opened = await activate(gateway, person, code)
    assert (opened.status_code, opened.json()["state"]) == (200, "activated")

    (written, *_) = documents(person, 77, 1, until=datetime.now(UTC))
    kept = await eventually(lambda: _deposited(Clinics(gateway, doors["/v1"], issuer), written))

    found = await professional.ask("POST", "/v1/records/search", json={"ins": {"value": person.ins, "oid": person.oid}})
    record = found.json()["record"]
    content = f"/v1/records/{record}/documents/{kept}/content"
    assert (await professional.ask("GET", content)).status_code == DENIED
    right = f"/v1/records/me/professionals/{reader.number}"
    assert (await holder.ask("PUT", right, json={"status": "authorised"})).status_code == 201
    read = await professional.ask("GET", content)
    assert (read.status_code, read.content) == (200, written.body)

    wanted = ("document-read", "permitted", reader.number)
    seen = await eventually(lambda: _accesses(holder, wanted))
    assert ("document-read", "denied", reader.number) in seen
    assert ("professional-authorised", "permitted", None) in seen
    assert {"document-deposited", "record-searched"} <= {action for action, _, _ in seen}


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """Return what a look finds, once it finds something."""
    until = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < until, look
        await asyncio.sleep(0.3)
    return found


async def _letter(home: Path, person: Any, now: datetime) -> str | None:
    """Let the printer print, and return the code that the person reads in the letter."""
    lots = home / "print" / "lots"
    await asyncio.to_thread(produce, lots, home / "print" / "returns", share=0.0, day=paris_date(now))
    made = [lot for lot in lots.iterdir() if (lot / "END").is_file()]
    return (await asyncio.to_thread(codes_by_post, made, [person])).get(person.ins)


async def _deposited(clinics: Clinics, written: Any) -> str | None:
    """Deposit until ingest knows that the record is open; the same document again is the same deposit (F26)."""
    answer = await clinics.outcome(written, await clinics.deposit(written))
    return answer.document if answer.outcome == "stored" else None


async def _accesses(holder: Caller, wanted: tuple[str, str, str]) -> set[tuple[str, str, str | None]]:
    """Return action, outcome and who of each line of the list, once it has the one that is wanted."""
    page = (await holder.ask("GET", "/v1/accesses")).json()["accesses"]
    seen = {(line["action"], line["outcome"], (line["actor"] or {}).get("number")) for line in page}
    return seen if wanted in seen else set()
