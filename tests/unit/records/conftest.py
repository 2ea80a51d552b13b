"""What the tests of records' doors share."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.records.library import Library


@pytest.fixture
async def library(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Library]:
    """Give the doors, with nobody behind them."""
    monkeypatch.setattr("shared.http.even.EVEN_S", 0.0)
    made = Library()
    async with made.client:
        yield made
