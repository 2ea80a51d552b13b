"""The role `api`: a service's doors, its operators' doors and its health, until the process is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import structlog
from fastapi import APIRouter, FastAPI, Request

from shared.http import problems
from shared.http.health import dependencies, health_doors
from shared.http.identity import Principal
from shared.http.jwks import JwksCache
from shared.http.limits import BodyLimit
from shared.http.messaging_doors import messaging_doors
from shared.http.operators import SECOND, operator
from shared.http.server import serving
from shared.messaging.books import Books
from shared.messaging.runtime import Runtime
from shared.messaging.topology import FLOWS
from shared.roles import told_to_stop

MAX_BODY: Final = 256 * 1024

Operator = Callable[[Request], Awaitable[Principal]]

log = structlog.get_logger()


async def run_api(runtime: Runtime, routers: Callable[[Operator], Sequence[APIRouter]] = lambda _operator: ()) -> None:
    """Answer requests until SIGTERM or SIGINT; the relay sends what operators' acts put into the outbox."""
    settings = runtime.settings
    jwks = JwksCache(settings.jwks_url)
    lock = partial(operator, jwks, issuer=settings.issuer, audience=settings.audience, clock=runtime.clock)
    first = lock()
    app = FastAPI(title=f"Carnet {runtime.service}", docs_url=None, redoc_url=None)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY)
    problems.install(app)
    health_doors(app, dependencies(runtime))
    own = [flow for flow in FLOWS if flow.consumer == runtime.service]
    app.include_router(
        messaging_doors(
            Books(runtime), own, runtime.publisher.depth, operator=first, second_operator=lock(header=SECOND)
        )
    )
    for router in routers(first):
        app.include_router(router)
    try:
        async with serving(app, settings.http_host, settings.http_port), asyncio.TaskGroup() as tasks:
            relay = tasks.create_task(runtime.relay.run())
            log.info("api_started", port=settings.http_port)
            await told_to_stop()
            relay.cancel()
    finally:
        await jwks.aclose()
