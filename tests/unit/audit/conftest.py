"""What the tests of a person's list share."""

import pytest

from tests.unit.audit.registry import ALICE, BRUNO, Registry


@pytest.fixture
async def registry() -> Registry:
    """Give a log in which nothing is written yet; Alice and Bruno have a record."""
    made = Registry()
    for ins in (ALICE, BRUNO):
        await made.record(ins)
    return made
