"""`./carnet bench openings`: records opened by the deadline job, beside one transaction per person.

Both sides read what is due, decide, write account and notice guarded by what was read, and publish what they tell;
both check the lease of the job in every transaction.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Final
from unittest.mock import patch
from uuid import uuid4

import uvloop

from bench.measure import Sample, cpu_of, figures, spent
from bench.messaging import machine
from bench.report import Comparison, markdown
from bench.stack import Ground, ground
from services.records.adapters.mongo_accounts import MongoAccounts
from services.records.adapters.mongo_notices import MongoNotices
from services.records.adapters.mongo_oppositions import MongoOppositions
from services.records.adapters.mongo_tries import MongoTries
from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.codes import Code
from services.records.domain.delay import Policy
from services.records.domain.notice import Aim, Notice, note_sending
from services.records.handlers.campaign import open_due
from services.records.handlers.desk import Desk
from services.records.jobs import open_records
from services.records.settings import RecordsSettings
from shared.clock import paris_date
from shared.messaging.acts import Perform, perform
from shared.messaging.jobs import NAME
from shared.messaging.lease import Lease
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.unit import Unit

JOB: Final = "the deadline job"
ALONE: Final = "one transaction per person"
PEOPLE: Final = 6_000
SENT: Final = date(2022, 1, 15)
SEED_BATCH: Final = 500
THEN: Final = datetime(2022, 1, 10, 12, tzinfo=UTC)

Open = Callable[[Perform, Desk], Awaitable[None]]


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each side")
    parser.add_argument("--people", type=int, default=PEOPLE, help="records opened in a repetition")
    chosen = parser.parse_args()
    with ground() as where:
        found = compare(where, chosen.people, chosen.rounds)
    if chosen.json:
        print(json.dumps({"machine": machine(), "comparisons": [found.as_json()]}, indent=2))
    else:
        print(f"{markdown(found)}\n\nMedians of {chosen.rounds} repetitions in turns, on {machine()}.")


def compare(where: Ground, count: int, rounds: int) -> Comparison:
    """Return both sides' figures."""
    sides: dict[str, tuple[Open, int]] = {JOB: (by_the_job, count), ALONE: (one_by_one, count // 6)}
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, (act, people) in sides.items():
            sample = uvloop.run(repeat(where, act, people))
            if number:  # the first is to warm up
                samples[name].append(sample)
                print(f"{name}: {sample.rate:,.0f}/s", file=sys.stderr)
    return Comparison("Openings at the deadline", "opening", [figures(name, taken) for name, taken in samples.items()])


async def repeat(where: Ground, act: Open, people: int) -> Sample:
    """Let the delays of so many people be over, and open their records."""
    suffix = f"_{uuid4().hex[:8]}"
    with patch.dict(os.environ, where.environment(suffix)):
        settings = RecordsSettings()
    await where.empty_queues()
    try:
        async with open_runtime("records", settings) as runtime:
            lease = Lease(runtime.database, NAME, runtime.process)
            await lease.prepare()
            await lease.take()
            desk = await seeded(runtime, people)
            relay = asyncio.create_task(runtime.relay.run())
            cpu, own, began = cpu_of(where.servers), time.process_time(), time.perf_counter()
            await act(partial(perform, runtime, fence=lease), desk)
            seconds = time.perf_counter() - began
            used = {**spent(cpu, cpu_of(where.servers)), "job": time.process_time() - own}
            opened = (await desk.accounts.count_by_state())[AccountState.OPEN]
            relay.cancel()
            await lease.release()
    finally:
        where.forget(suffix)
    if opened != people:
        raise SystemExit(f"{opened} of {people} records were opened")
    return Sample(people, seconds, used)


async def by_the_job(perform: Perform, desk: Desk) -> None:
    """Do what the job does."""
    await open_records(perform, desk=desk)


async def one_by_one(perform: Perform, desk: Desk) -> None:
    """Open each record in a transaction of its own, as many at once as the job does."""
    act = partial(open_due, accounts=desk.accounts, notices=desk.notices, clock=desk.clock)
    now = desk.clock.now()
    waiting = iter(await desk.notices.due(paris_date(now), now, 1_000_000))

    async def work() -> None:
        for name in waiting:
            await perform(partial(act, [name]))

    await asyncio.gather(*(work() for _ in range(16)))


async def seeded(runtime: Runtime, people: int) -> Desk:
    """Return a desk with people whose letters were sent long ago."""
    database = runtime.database
    accounts, notices = MongoAccounts(database), MongoNotices(database)
    await accounts.prepare()
    await notices.prepare()
    for start in range(0, people, SEED_BATCH):
        unit = Unit()
        records = [uuid4().hex for _ in range(min(SEED_BATCH, people - start))]
        accounts.save([account(record) for record in records], unit, read={})
        notices.save([notice(record) for record in records], unit, read={})
        async with database.client.start_session() as session, await session.start_transaction():
            for effect in unit.effects:
                await effect(session)
    oppositions, tries = MongoOppositions(database), MongoTries(database)
    return Desk(accounts, notices, oppositions, tries, runtime.vault, bytes(32), runtime.clock)


def account(record: str) -> Account:
    """Return an account of somebody who was told."""
    said = Registration(
        1, "cpam-44", uuid4().hex, "RG", "44", None, ins_key_valid=True, box=os.urandom(400), origin=f"/i|{record}"
    )
    return Account(record, AccountState.NOTIFIED, Cause.NOTICE, THEN, 3, said)


def notice(record: str) -> Notice:
    """Return a letter that was sent."""
    asked = Notice(uuid4().hex, record, Aim.OPENING, THEN, Code(1, os.urandom(32)))
    return note_sending(asked, "post", SENT, Policy.SEED)


if __name__ == "__main__":
    main()
