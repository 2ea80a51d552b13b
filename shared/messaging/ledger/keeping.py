"""The reconciliation: by one worker of a service at a time, every few seconds, whatever else goes on (rule 14)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from shared.contracts.ledger import LedgerStatedV1
from shared.messaging.acts import Perform
from shared.messaging.failures import Failure, classify
from shared.messaging.jobs import Job, Rota
from shared.messaging.lease import Lease
from shared.messaging.ledger.arrivals import ArrivalCheck
from shared.messaging.ledger.counts import Counted
from shared.messaging.ledger.findings import Finding, Findings
from shared.messaging.ledger.rows import RowCheck
from shared.messaging.ledger.statements import Speaker, Statements
from shared.messaging.ledger.summing import Summing
from shared.messaging.runtime import Runtime
from shared.messaging.subscription import Subscription, of_contract
from shared.messaging.topology import FLOWS, LEDGER, Flow

NAME: Final = "ledger"

_TOLD_EVERY_S: Final = 3.0

log = structlog.get_logger()


class Check(Protocol):
    """Something else that may be missing."""

    async def look(self, before: Sequence[Finding]) -> tuple[Sequence[Finding], Sequence[Finding]]:
        """Return what is missing, and which of the former findings were looked at again."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """What one service does for the ledger."""

    findings: Findings
    rows: RowCheck
    arrivals: ArrivalCheck
    speaker: Speaker
    summing: Summing
    checks: Sequence[Check] = ()
    """What the service alone knows to look at."""

    async def keep(self, perform: Perform) -> None:
        """Say what was sent, look whether everything is there, note what is not, and sum what is old."""
        settled = await self.speaker.state(perform)
        before = await self.findings.standing()
        missing, looked = await self.rows.look(before)
        lost, awaited = await self.arrivals.look(before)
        more = [await check.look(before) for check in self.checks]
        found = [*missing, *lost, *(each for missed, _ in more for each in missed)]
        again = [*looked, *awaited, *(each for _, seen in more for each in seen)]
        await self.findings.note(found, before, {each.key for each in again})
        await self.summing.sum_up(perform, settled)


def keeper_of(runtime: Runtime, flows: Sequence[Flow], checks: Sequence[Check] = ()) -> Keeper:
    """Return what keeps a service's ledger; ``flows`` are those it consumes."""
    database, counted = runtime.database, Counted(runtime.database)
    statements = Statements(database, flows)
    arrivals = ArrivalCheck(flows, counted, statements, runtime.publisher.depths, runtime.outbox.held)
    return Keeper(
        Findings(database),
        RowCheck(counted),
        arrivals,
        Speaker(runtime.service, database),
        Summing(database),
        checks,
    )


async def rota_of(runtime: Runtime, flows: Sequence[Flow], checks: Sequence[Check] = ()) -> Rota:
    """Return what keeps the ledger while it holds the lease on it, and stands by while another worker does."""
    every = timedelta(seconds=runtime.settings.ledger_every_s)
    await Statements(runtime.database, flows).prepare()
    lease = Lease(runtime.database, NAME, runtime.process)
    await lease.prepare()
    return Rota(runtime, [Job(NAME, every, keeper_of(runtime, flows, checks).keep)], lease)


def subscriptions_of(runtime: Runtime, flows: Sequence[Flow]) -> list[Subscription[LedgerStatedV1]]:
    """Return the subscription to what others state; none where the topology has none for this service."""
    hear = Statements(runtime.database, flows).hear
    own = (flow for flow in FLOWS if flow.exchange == LEDGER and flow.consumer == runtime.service)
    return [Subscription(flow=flow, admit=of_contract(LedgerStatedV1), handler=hear) for flow in own]


async def tell_held(runtime: Runtime, held: Callable[[], Mapping[str, int]]) -> None:
    """Note, until cancelled, what this process has of each queue: that is neither in the queue nor missing."""
    told: Mapping[str, int] = {}
    while True:
        await asyncio.sleep(_TOLD_EVERY_S)
        try:
            if (now := {queue: count for queue, count in held().items() if count > 0}) != told:
                await runtime.outbox.hold(runtime.process, now)
                told = now
        except Exception as error:
            if classify(error) is not Failure.INFRASTRUCTURE:
                raise
            log.info("held_untold", error=type(error).__name__)
