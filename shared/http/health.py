"""The doors that an orchestrator knocks at: is the process alive, can it work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Response
from pymongo.errors import PyMongoError

from shared.http import problems
from shared.messaging.consumer import Consumer
from shared.messaging.runtime import Runtime

Check = Callable[[], Awaitable[bool]]


def health_doors(app: FastAPI, checks: Mapping[str, Check]) -> None:
    """Add ``/livez``, which looks at the process only, and ``/readyz``, which asks what it depends on."""

    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        return Response(status_code=204)

    @app.get("/readyz", include_in_schema=False)
    async def readyz(response: Response) -> dict[str, bool]:
        results = {name: await check() for name, check in checks.items()}
        response.status_code = 200 if all(results.values()) else 503
        return results


def dependencies(runtime: Runtime) -> dict[str, Check]:
    """Return the checks that every role has: database and broker answer."""
    return {"database": lambda: _database_answers(runtime), "broker": runtime.publisher.is_connected}


def worker_doors(runtime: Runtime, consumers: Sequence[Consumer[Any]], *, consuming: Check) -> FastAPI:
    """Return a worker's application: it is ready while its dependencies answer, it consumes and no flow is paused.

    ``consuming`` looks at the connection that brings the messages: it is another one than the publisher's.
    """
    app = FastAPI(openapi_url=None)
    problems.install(app)

    async def flowing() -> bool:
        return not any(consumer.paused for consumer in consumers)

    health_doors(app, {**dependencies(runtime), "consuming": consuming, "flowing": flowing})
    return app


async def _database_answers(runtime: Runtime) -> bool:
    try:
        await runtime.client.admin.command("ping", maxTimeMS=1_000)
    except PyMongoError:
        return False
    return True
