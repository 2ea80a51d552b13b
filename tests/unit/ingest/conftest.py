"""What the tests of ingest share."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.ingest.desk import Desk
from tests.unit.ingest.intake import Ward
from tests.unit.ingest.service import Ingest


@pytest.fixture
def service() -> Ingest:
    """Give an ingest with nobody registered."""
    return Ingest()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Give the doors of a ward where one person's record is open."""
    ward = Ward()
    await ward.person()
    made = Desk(ward)
    yield made
    await made.client.aclose()
