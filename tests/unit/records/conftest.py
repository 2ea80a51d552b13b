"""What the tests of records' doors share."""

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.identity import blind_index, parse_ins
from shared.identity.ins import TEST
from tests.fakes.ingest import INS
from tests.unit.records.library import Library
from tests.unit.records.office import Office
from tests.unit.records.town import INDEX_KEY, Town, application


@pytest.fixture
async def library(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Library]:
    """Give the doors, with nobody behind them."""
    monkeypatch.setattr("shared.http.even.EVEN_S", 0.0)
    made = Library()
    async with made.client:
        yield made


@pytest.fixture
async def town(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """Give the doors of the opt-out."""
    monkeypatch.setattr("shared.http.even.EVEN_S", 0.0)
    office = Office()
    index = blind_index(INDEX_KEY, parse_ins(INS, TEST, production=False))
    office.vault.subjects[index] = (await office.vault.ensure_subjects({"index of alice"}))["index of alice"]
    record = await office.notified()
    transport = httpx.ASGITransport(application(office), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://records") as client:
        yield Town(client, office, record)
