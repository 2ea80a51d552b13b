"""The role `api`: a service's doors, its operators' doors and its health, until the process is told to stop."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
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
from shared.messaging.acts import Perform, perform
from shared.messaging.collector import spare_the_collector
from shared.messaging.ledger.findings import Findings
from shared.messaging.numbers import Numbers, numbers_of
from shared.messaging.runtime import Runtime
from shared.messaging.stating import state_numbers, state_once
from shared.roles import told_to_stop

MAX_BODY: Final = 256 * 1024

_GRACE_S: Final = 5.0
"""How long what the last requests committed may take to be sent when the process stops."""

_STATING_S: Final = 1.0

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
    problems.install(app)
    checks = dependencies(runtime)
    health_doors(app, checks)
    missing = Findings(runtime.database).missing
    metrics_door(app, runtime, checks, summary=summary_of(runtime), missing=missing, gauges=gauges)
    stated = (numbers_of(runtime.process), runtime.service, partial(perform, runtime))
    stop = asyncio.create_task(told_to_stop())  # listens before anybody can see that the service is there
    async with open_gate(runtime) as gate:
        made = [*operations(runtime, gate), *routers(gate)]
        for router in made:
            app.include_router(router)
        bounded = BodyLimit(Shortcut(app, made), max_bytes=max_body)
        async with serving(bounded, settings.http_host, settings.http_port), asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(runtime.relay.run()), tasks.create_task(state_numbers(*stated))]
            spare_the_collector()
            log.info("api_started", port=settings.http_port)
            await stop
            for task in beside:
                task.cancel()
    await _state_last(*stated)
    await runtime.relay.drain(_GRACE_S)


async def _state_last(numbers: Numbers, service: str, act: Perform) -> None:
    """State the last numbers; where that fails, those after the last statement are not known to anybody else."""
    try:
        async with asyncio.timeout(_STATING_S):
            await state_once(numbers, service, act)
    except Exception as error:  # noqa: BLE001 - the process ends
        log.warning("numbers_untold", error=type(error).__name__)
