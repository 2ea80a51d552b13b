"""The role `jobs` as processes: one is frozen, its successor goes on, and it wakes up to stand by."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.domain.account import AccountState, Registration, register
from shared.messaging.acts import perform
from shared.messaging.unit import Unit
from tests.integration.conftest import Installation, Launch, until
from tests.integration.shared.messaging.runtimes import runtime_of

pytestmark = pytest.mark.integration


@pytest.fixture
def start(launch: Launch) -> Launch:
    """Return what starts an instance that looks for people ten times a second."""
    return partial(launch, "records", "jobs", CARNET_CAMPAIGN_EVERY_S="0.1", CARNET_DEADLINES_EVERY_S="0.1")


async def test_frozen_and_awake(installation: Installation, start: Launch):
    """A frozen instance loses its lease to another, and waking up it neither acts nor dies (F09)."""
    async with runtime_of(installation) as runtime:
        accounts = MongoAccounts(runtime.database)
        await accounts.prepare()
        leases = runtime.database["leases"]

        async def registered(number: int) -> None:
            said = Registration(1, "cpam-44", "e1", "RG", "44", None, ins_key_valid=True, box=b"shut")

            async def work(unit: Unit) -> None:
                born = [register(None, uuid4().hex, said, datetime.now(UTC)) for _ in range(number)]
                accounts.save(born, unit, read={})

            await perform(runtime, work)

        async def reached(number: int) -> bool:
            return (await accounts.count_by_state()).get(AccountState.ELIGIBLE, 0) == number

        async def held(epoch: int) -> bool:
            lease: dict[str, Any] | None = await leases.find_one({"_id": "jobs"})
            return lease is not None and lease["epoch"] == epoch

        first = await start()
        await until(lambda: held(1))
        await registered(20)
        await until(lambda: reached(20))

        first.send_signal(signal.SIGSTOP)
        second = await start()
        # As long as it takes the lease to run out, without the wait.
        await leases.update_one({"_id": "jobs"}, {"$set": {"until": datetime.now(UTC) - timedelta(seconds=1)}})
        await until(lambda: held(2))
        await registered(20)
        await until(lambda: reached(40))

        first.send_signal(signal.SIGCONT)
        await registered(20)
        await until(lambda: reached(60))
        await asyncio.sleep(1)
        assert first.returncode is None
        assert await held(2)
        assert await runtime.database["notices"].count_documents({}) == 60

        second.terminate()
        assert await second.wait() == 0
        await until(lambda: held(3))
        await registered(20)
        await until(lambda: reached(80))
        first.terminate()
        assert await first.wait() == 0
