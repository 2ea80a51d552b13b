"""The role `api`: a service's doors, its operators' doors and its health, until the process is told to stop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from fastapi import APIRouter, FastAPI

from shared.http import problems
from shared.http.gate import Gate, open_gate
from shared.http.health import dependencies, health_doors
from shared.http.json_bodies import StrictJson
from shared.http.limits import BodyLimit
from shared.http.metrics import Gauges, metrics_door
from shared.http.operations import operations, summary_of
from shared.http.server import serving
from shared.http.shortcut import Shortcut
from shared.messaging.collector import spare_the_collector
from shared.messaging.ledger.findings import Findings
from shared.messaging.runtime import Runtime
from shared.roles import told_to_stop

MAX_BODY: Final = 256 * 1024

_GRACE_S: Final = 5.0
"""How long what the last requests committed may take to be sent when the process stops."""

log = structlog.get_logger()


async def run_api(
    runtime: Runtime,
    routers: Callable[[Gate], Sequence[APIRouter]] = lambda _gate: (),
    *,
    max_body: int = MAX_BODY,
    gauges: Gauges | None = None,
) -> None:
    """Answer requests until SIGTERM or SIGINT; the relay sends what requests put into the outbox.

    ``routers`` makes the service's own doors with the locks that the gate gives; ``max_body`` is in bytes;
    ``gauges`` are numbers of its own for ``/metrics``.
    """
    settings = runtime.settings
    app = FastAPI(title=f"Carnet {runtime.service}", docs_url=None, redoc_url=None)
    app.add_middleware(StrictJson)
    app.add_middleware(BodyLimit, max_bytes=max_body)
    problems.install(app)
    checks = dependencies(runtime)
    health_doors(app, checks)
    missing = Findings(runtime.database).missing
    metrics_door(app, runtime, checks, summary=summary_of(runtime), missing=missing, gauges=gauges)
    stop = asyncio.create_task(told_to_stop())  # listens before anybody can see that the service is there
    async with open_gate(runtime) as gate:
        made = [*operations(runtime, gate), *routers(gate)]
        for router in made:
            app.include_router(router)
        async with serving(Shortcut(app, made), settings.http_host, settings.http_port), asyncio.TaskGroup() as tasks:
            relay = tasks.create_task(runtime.relay.run())
            spare_the_collector()
            log.info("api_started", port=settings.http_port)
            await stop
            relay.cancel()
    await runtime.relay.drain(_GRACE_S)
