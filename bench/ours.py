"""Our side: a subscription of the messaging core that stores a sealed line per event and tells of each commit."""

import asyncio
import os
import signal
from base64 import b64decode
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from bson.binary import Binary
from pymongo.asynchronous.client_session import AsyncClientSession

from bench.measure import Meter
from shared.contracts.ingest import ReimbursementReceivedV1
from shared.contracts.records import RecordUpdatedV1, RecordUpdatedV1Data
from shared.messaging.runtime import Runtime, open_runtime
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import RECORDS_REIMBURSEMENTS
from shared.messaging.unit import Unit
from shared.messaging.worker import run_worker
from shared.settings import ServiceSettings

QUEUE: Final = RECORDS_REIMBURSEMENTS.queue


async def consume(_queue: str, meter: Meter, settings: ServiceSettings) -> None:
    """Store events, in whatever messages they come, until the meter has seen the last."""
    finished = asyncio.Event()
    async with open_runtime("records", settings) as runtime:
        handler = partial(store, runtime=runtime, meter=meter, finished=finished)
        flow = Subscription(RECORDS_REIMBURSEMENTS, of_contract(ReimbursementReceivedV1), handler)
        worker = asyncio.create_task(run_worker(runtime, [flow]))
        ended = asyncio.create_task(finished.wait())
        await asyncio.wait({worker, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not worker.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await worker


async def store(
    events: Sequence[ReimbursementReceivedV1], unit: Unit, *, runtime: Runtime, meter: Meter, finished: asyncio.Event
) -> None:
    """Insert one row per event, its box as it came, and emit one event for the whole commit."""
    rows = [
        {
            "_id": event.data.line_id,
            "record": event.subject,
            "month": event.data.month,
            "box": Binary(b64decode(event.data.sealed, validate=True)),
        }
        for event in events
    ]
    unit.apply(partial(_insert, runtime, rows, meter, finished))
    data = RecordUpdatedV1Data(lines=len(events), months=sorted({event.data.month for event in events}))
    unit.emit(RecordUpdatedV1.new(source="/records", time=runtime.clock.now(), data=data, cause=events[0]))


async def _insert(
    runtime: Runtime,
    rows: list[dict[str, Any]],
    meter: Meter,
    finished: asyncio.Event,
    session: AsyncClientSession,
) -> None:
    """The meter counts here, before the commit: as far ahead of it at the first count as at the last."""
    await runtime.database["lines"].insert_many(rows, ordered=False, session=session)
    if meter.count(len(rows)):
        finished.set()
