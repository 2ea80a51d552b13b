"""What the tests of ingest share."""

import pytest

from tests.unit.ingest.service import Ingest


@pytest.fixture
def service() -> Ingest:
    """Give an ingest with nobody registered."""
    return Ingest()
