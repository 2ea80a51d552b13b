"""The doors that an orchestrator knocks at: is the process alive, can it work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Response

from shared.http import problems
from shared.http.metrics import metrics_door
from shared.messaging.consumer import Consumer
from shared.messaging.probes import Probe, goes_round
from shared.messaging.publications import fed_by
from shared.messaging.runtime import Runtime
from shared.messaging.topology import feedback_queue

Check = Callable[[], Awaitable[bool]]

STUCK_AFTER_MS: Final = 30_000
"""A message of this process unsent for so long, or so long without a sign of life, means that its relay is stuck."""


def health_doors(app: FastAPI, checks: Mapping[str, Check]) -> None:
    """Add ``/livez``, which looks at the process only, and ``/readyz``, which asks what it depends on.

    What is asked is asked at the same time, each with a time limit of its own: a door that hangs tells nothing.
    """

    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        return Response(status_code=204)

    @app.get("/readyz", include_in_schema=False)
    async def readyz(response: Response) -> dict[str, bool]:
        results = await answers(checks)
        response.status_code = 200 if all(results.values()) else 503
        return results


async def answers(checks: Mapping[str, Check]) -> dict[str, bool]:
    """Return what every check says, by its name."""
    said = await asyncio.gather(*(check() for check in checks.values()))
    return dict(zip(checks, said, strict=True))


def dependencies(runtime: Runtime) -> dict[str, Check]:
    """Return the checks that every role has: database and broker answer a question, and what is committed is sent.

    ``routed``: every queue that this service publishes to is there; without one, confirmed messages would be lost.
    """
    return {
        "database": Probe(lambda: _database_answers(runtime)),
        "broker": Probe(lambda: goes_round(runtime.publisher.connection)),
        "relay": Probe(lambda: _relay_moves(runtime)),
        "routed": Probe(lambda: _has_its_queues(runtime)),
    }


def worker_doors(runtime: Runtime, consumers: Sequence[Consumer[Any]], *, consuming: Check) -> FastAPI:
    """Return a worker's application: it is ready while its dependencies answer, it consumes and no flow is paused.

    ``consuming`` looks at the connection that brings the messages: it is another one than the publisher's.
    """
    app = FastAPI(openapi_url=None)
    problems.install(app)

    async def flowing() -> bool:
        return not any(consumer.paused for consumer in consumers)

    checks = {**dependencies(runtime), "consuming": consuming, "flowing": flowing}
    health_doors(app, checks)
    metrics_door(app, runtime, checks, consumers=consumers)
    return app


async def _database_answers(runtime: Runtime) -> bool:
    await runtime.client.admin.command("ping", maxTimeMS=1_000)
    return True


async def _has_its_queues(runtime: Runtime) -> bool:
    fed = [flow.queue for flow in fed_by(runtime.service)]
    depths = await runtime.publisher.depths([*fed, *map(feedback_queue, runtime.settings.insurers())])
    return None not in depths.values()


async def _relay_moves(runtime: Runtime) -> bool:
    """Tell whether this process's relay gave a sign of life lately and left nothing lying, by the database's clock."""
    long_ago = {"$subtract": ["$$NOW", STUCK_AFTER_MS]}
    stuck = {"owner": runtime.process, "unsent": True, "$expr": {"$lt": ["$created", long_ago]}}
    alive = {"_id": runtime.process, "$expr": {"$gte": ["$beat", long_ago]}}
    database = runtime.database
    if await database["processes"].find_one(alive, {"_id": 1}) is None:
        return False
    return await database["outbox"].find_one(stuck, {"_id": 1}) is None
