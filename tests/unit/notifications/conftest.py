"""Gives the tests of letters, e-mails and returns an office by each policy."""

import pytest

from services.notifications.domain.policy import Policy
from tests.unit.notifications.office import Office


@pytest.fixture
def seed() -> Office:
    """Give an office that writes a letter to everyone."""
    return Office(Policy.SEED)


@pytest.fixture
def decree() -> Office:
    """Give an office that writes e-mails first."""
    return Office(Policy.DECREE)
