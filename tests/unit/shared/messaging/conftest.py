"""Time that does not pass by itself."""

import asyncio
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.shared.messaging.shop import Shop


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make every sleep instant and give the list of how long each would have been."""
    taken: list[float] = []
    yield_once = asyncio.sleep

    async def nap(seconds: float) -> None:
        if seconds > 0:
            taken.append(seconds)
        await yield_once(0)

    monkeypatch.setattr(asyncio, "sleep", nap)
    return taken


@pytest.fixture
def shop(naps: list[float]) -> Shop:
    """Give a toy service of our own: what it cannot read is parked."""
    return Shop()


@pytest.fixture
def counter(naps: list[float]) -> Shop:
    """Give a toy service open to the outside: what it cannot read is refused."""
    return Shop(refuses=True)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """Keep what is logged, and give it."""
    with capture_logs() as lines:
        yield lines
