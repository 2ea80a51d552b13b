"""The operators' doors that every service has, put together."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import APIRouter

from shared.http.gate import Gate
from shared.http.held_doors import held_doors
from shared.http.ledger_doors import ledger_doors
from shared.http.messaging_doors import messaging_doors, summed
from shared.http.trace_doors import trace_doors
from shared.messaging.books import Books
from shared.messaging.held_acts import HeldActs
from shared.messaging.held_sets import HeldSets
from shared.messaging.ledger.findings import Findings
from shared.messaging.ledger.repair import Repair
from shared.messaging.runtime import Runtime
from shared.messaging.topology import FLOWS, Flow
from shared.messaging.tracing import Tracer


def operations(runtime: Runtime, gate: Gate) -> list[APIRouter]:
    """Return what a service's operators may ask and do."""
    books, sets = Books(runtime), HeldSets(runtime.database)
    return [
        messaging_doors(books, own_flows(runtime), runtime.publisher.depth, operator=gate.operator),
        held_doors(
            books,
            sets,
            HeldActs(runtime, sets),
            operator=gate.operator,
            second_operator=gate.second_operator,
        ),
        ledger_doors(Findings(runtime.database), Repair(runtime), operator=gate.operator),
        trace_doors(
            Tracer(runtime.service, runtime.database, own_flows(runtime)),
            runtime.service,
            runtime.settings.insurer_sources(),
            operator=gate.operator,
        ),
    ]


def summary_of(runtime: Runtime) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Return what asks for the books of a service's flows."""
    return partial(summed, Books(runtime), own_flows(runtime), runtime.publisher.depth)


def own_flows(runtime: Runtime) -> list[Flow]:
    """Return the flows that a service consumes."""
    return [flow for flow in FLOWS if flow.consumer == runtime.service]
