"""Time that does not pass by itself."""

import asyncio
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.messaging import relay, settling
from tests.unit.shared.messaging.shop import Shop


class _Hurried:
    """The module asyncio, but for sleeping; others that share the event loop sleep as they always did."""

    def __init__(self, taken: list[float]) -> None:
        self._taken = taken

    async def sleep(self, seconds: float) -> None:
        """Note how long, and come back at once."""
        self._taken.append(seconds)
        await asyncio.sleep(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make every sleep of the core instant and give the list of how long each would have been."""
    taken: list[float] = []
    for module in (settling, relay):
        monkeypatch.setattr(module, "asyncio", _Hurried(taken))
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
