"""What the tests of records' stores share."""

import pytest


@pytest.fixture(params=["memory", "mongo"])
def kind(request: pytest.FixtureRequest) -> str:
    """Say which of the two is tried."""
    name: str = request.param
    return name
