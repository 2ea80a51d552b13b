"""The opt-out across services as processes: from a registration, by letter and deadline, to an open record."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deploy.local.users import INSURERS_FILE
from deploy.local.users import insurers as insurers_table
from services.audit.adapters.mongo_log_reader import MongoLogReader
from shared.clock import paris_date, write_ahead
from simulator.archive import Archive
from simulator.insurer import Tally, insurers, publish_all
from simulator.population import people
from simulator.printer import comes_back, produce
from simulator.publications import Season, is_open
from tests.fakes.entries import whole
from tests.integration.conftest import ROOT, Installation

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PEOPLE = 24
SHARE = 0.5
"""Of the letters come back, by their random numbers: that all or none do is one walk in ten million."""
DELAY = timedelta(days=60)
"""More than any policy's delay to oppose."""
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
            CARNET_CLOCK_FILE=str(tmp_path / "ahead"),
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

    async def reported() -> Counter[str]:
        """Let the printer work, and count the notices of which everything is known that will be reported."""
        produce(tmp_path / "lots", tmp_path / "returns", share=SHARE, day=paris_date(now))
        rows = mongo_client["records" + installation.suffix]["notices"].find({}, {"state": 1})
        ends = {row["_id"]: row["state"] async for row in rows}
        return Counter(end for notice, end in ends.items() if end == ("returned" if _back(notice) else "running"))

    posted = await _wait_until(lambda found: found.total() == PEOPLE, reported, mongo_client, installation)
    assert 0 < posted["returned"] < PEOPLE
    assert not (await _accounts(installation, mongo_client))["open"]
    write_ahead(tmp_path / "ahead", DELAY)

    async def fed() -> Counter[str]:
        """Count the records that hold lines."""
        return Counter(await mongo_client["records" + installation.suffix]["lines"].distinct("record"))

    looked_at = partial(_accounts, installation, mongo_client)
    final = await _wait_until(lambda found: found["open"] >= posted["running"], looked_at, mongo_client, installation)
    assert final["open"] == posted["running"]
    archive = Archive(persons, seed=5, lines=10, season=lambda: season)
    await _answer_histories(installation, archive, posted["running"])
    await _wait_until(lambda found: found.total() == posted["running"], fed, mongo_client, installation)
    await _wait_for_the_log(
        MongoLogReader(mongo_client["audit" + installation.suffix]),
        {
            "notice.requested.v1": PEOPLE,
            "notice.sent.v1": PEOPLE,
            "notice.undeliverable.v1": posted["returned"],
            "account.opened.v1": posted["running"],
        },
    )


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


async def _answer_histories(installation: Installation, archive: Archive, expected: int) -> None:
    """Let the insurers answer for the months before, until each opened record was asked for."""
    users, tally = {each["code"]: each["user"] for each in insurers_table()}, Tally()
    async with insurers(users, installation.amqp_url, tally, archive):
        try:
            async with asyncio.timeout(30):
                while tally.histories < expected:  # noqa: ASYNC110 - what is waited for is in a broker
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"{tally.histories} histories were asked for")


def _back(letter: str) -> bool:
    return comes_back(letter, SHARE) is not None


async def _accounts(installation: Installation, client: Any) -> Counter[str]:
    """Return how many accounts are in each state."""
    rows = client["records" + installation.suffix]["accounts"].find({}, {"state": 1})
    return Counter([row["state"] async for row in rows])


async def _wait_until(
    condition: Callable[[Counter[str]], bool],
    look: Callable[[], Awaitable[Counter[str]]],
    client: Any,
    installation: Installation,
) -> Counter[str]:
    """Return what was seen when a condition came true; fail with what holds it up."""
    found: Counter[str] = Counter()
    try:
        async with asyncio.timeout(90):
            while not condition(found := await look()):  # noqa: ASYNC110 - it comes true in a database
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"it stands still at {dict(found)}: {await _held(client, installation)}")
    return found


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


async def _wait_for_the_log(reader: MongoLogReader, expected: Mapping[str, int]) -> None:
    """Wait until the log holds these numbers of events; fail if it holds others, or is damaged."""
    logged: Counter[str] = Counter()
    try:
        async with asyncio.timeout(30):
            while any(logged[name] < count for name, count in expected.items()):
                await asyncio.sleep(0.2)
                openings = await reader.openings(0, 10_000)
                logged = Counter(opening.type for opening in openings.values())
    except TimeoutError:
        pytest.fail(f"the log holds {dict(logged)}")
    assert {name: logged[name] for name in expected} == expected
    assert whole(await reader.leaves(0, 10_000), await reader.head())
