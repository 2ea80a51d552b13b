"""What the tests of the reader's own process share."""

from collections.abc import AsyncIterator

import pytest

from services.ingest.adapters.reader_process import ReaderProcess
from shared import terminology
from tests.fakes.documents import cda


@pytest.fixture(scope="module")
async def reader() -> AsyncIterator[ReaderProcess]:
    """Give one reader for the whole table: no document may spoil the next one."""
    async with ReaderProcess(terms=terminology, production=False) as running:
        await running.read(cda())
        yield running
