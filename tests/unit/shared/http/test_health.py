"""What an orchestrator is told of a worker."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from shared.http.health import worker_doors


async def _answer(**_given: Any) -> dict[str, int]:
    return {"ok": 1}


async def _ready(*, connected: bool = True, consuming: bool = True, paused: str | None = None) -> httpx.Response:
    """Ask a worker whether it is ready."""

    async def is_connected() -> bool:
        return connected

    async def is_consuming() -> bool:
        return consuming

    admin = SimpleNamespace(command=lambda *_given, **named: _answer(**named))
    runtime: Any = SimpleNamespace(
        client=SimpleNamespace(admin=admin), publisher=SimpleNamespace(is_connected=is_connected)
    )
    consumer: Any = SimpleNamespace(paused=paused)
    app = worker_doors(runtime, [consumer], consuming=is_consuming)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker") as client:
        return await client.get("/readyz")


async def test_a_working_worker_is_ready():
    """Everything answers, messages come and no flow is paused."""
    assert (await _ready()).status_code == 200


@pytest.mark.parametrize("wrong", [{"connected": False}, {"consuming": False}, {"paused": "BugError@decide:1"}])
async def test_a_worker_that_cannot_work_is_not_ready(wrong: dict[str, Any]):
    """A lost connection makes a worker unready, the one that brings the messages as much as the publisher's."""
    assert (await _ready(**wrong)).status_code == 503
