"""The opt-out across services as processes: from a registration, by letter and deadline, to an open record."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.users import INSURERS_FILE
from deploy.local.users import insurers as insurers_table
from services.audit.adapters.mongo_log import MongoLogReader
from services.audit.domain.chain import find_fault
from shared.clock import paris_date
from simulator.insurer import Tally, insurers, publish_all
from simulator.population import people
from simulator.printer import produce
from simulator.publications import Season, is_open
from tests.integration.conftest import ROOT, Installation

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PEOPLE = 24
ROLES = (
    ("ingest", "worker"),
    ("records", "worker"),
    ("records", "jobs"),
    ("notifications", "worker"),
    ("notifications", "jobs"),
    ("audit", "worker"),
)


@pytest.fixture
async def services(installation: Installation, tmp_path: Path) -> AsyncIterator[None]:
    """Run every service that the opt-out needs, in the pace of a test."""
    started = []
    for service, role in ROLES:
        environment = installation.environment(
            service,
            CARNET_INSURERS_FILE=str(INSURERS_FILE),
            CARNET_LOTS_DIR=str(tmp_path / "lots"),
            CARNET_RETURNS_DIR=str(tmp_path / "returns"),
            CARNET_EVERY="PT0.3S",
            CARNET_CAMPAIGN_EVERY_S="0.3",
            CARNET_DEADLINES_EVERY_S="0.3",
        )
        command = installation.command(service, role)
        started.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment))
    yield
    for process in started:
        process.terminate()
    ends = await asyncio.gather(*(process.wait() for process in started))
    assert ends == [0] * len(ROLES)


async def test_who_does_not_oppose_has_a_record(
    services: None, installation: Installation, mongo_client: Any, tmp_path: Path
):
    """Everybody gets one letter; a delay that is over opens the record, a letter that came back does not (F05, F09)."""
    now = datetime.now(UTC)
    season = Season(now.isoformat(), paris_date(now))
    persons = [person for person in people(5, 200) if not is_open(person)][:PEOPLE]
    await _register(installation, [season.registration(person) for person in persons])
    accounts = mongo_client["records" + installation.suffix]["accounts"]
    posted = paris_date(now) - timedelta(days=60)

    async def states() -> Counter[str]:
        produce(tmp_path / "lots", tmp_path / "returns", share=0.2, day=posted)
        return Counter([account["state"] async for account in accounts.find()])

    returned = await _wait_for_the_end(states, mongo_client, installation)

    final = await states()
    assert final["open"] == PEOPLE - returned
    assert 0 < returned < PEOPLE, "the seed gives both letters that arrive and letters that come back"
    reader = MongoLogReader(mongo_client["audit" + installation.suffix])
    logged = await _log(reader, final["open"])
    assert logged["notice.requested.v1"] == PEOPLE
    assert logged["notice.sent.v1"] >= final["open"]
    assert logged["notice.undeliverable.v1"] == returned
    assert logged["account.opened.v1"] == final["open"]


async def _register(installation: Installation, publications: list[Any]) -> None:
    users = {each["code"]: each["user"] for each in insurers_table()}
    async with asyncio.timeout(60):
        while True:
            try:
                async with insurers(users, installation.amqp_url, Tally()) as senders:
                    await publish_all(senders, publications)
                    return
            except Exception:  # noqa: BLE001 - the services are still declaring what insurers publish to
                await asyncio.sleep(0.5)


async def _wait_for_the_end(states: Any, client: Any, installation: Installation) -> int:
    """Wait until every letter was posted or came back and every delay was acted on; return how many came back."""
    notices = client["notifications" + installation.suffix]["notices"]
    found: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    try:
        async with asyncio.timeout(120):
            while found["open"] + sent["undeliverable"] < PEOPLE:
                await asyncio.sleep(0.3)
                found = await states()
                sent = Counter([notice["state"] async for notice in notices.find()])
    except TimeoutError:
        pytest.fail(
            f"it stands still: accounts {dict(found)}, notices {dict(sent)}, {await _held(client, installation)}"
        )
    return sent["undeliverable"]


async def _held(client: Any, installation: Installation) -> dict[str, list[str]]:
    """Return what is not done, for whoever reads a failure."""
    kept = {}
    for service, _ in ROLES:
        database = client[service + installation.suffix]
        rows = [
            f"{row['queue']} {row['state']} {row.get('reason')}"
            async for row in database["inbox"].find({"queue": {"$exists": True}})
        ]
        unsent = await database["outbox"].count_documents({"unsent": True})
        kept[service] = [*rows, f"{unsent} unsent"]
    return kept


async def _log(reader: MongoLogReader, opened: int) -> Counter[str]:
    """Return how many events of each type the log holds, once the openings are in it; fail if it is damaged."""
    async with asyncio.timeout(30):
        while True:
            entries = await reader.entries(0, 10_000)
            logged = Counter(entry.leaf.type for entry in entries)
            if logged["account.opened.v1"] >= opened:
                assert find_fault(entries, await reader.head()) is None
                return logged
            await asyncio.sleep(0.3)
