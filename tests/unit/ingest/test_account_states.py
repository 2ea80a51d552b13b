"""What ingest knows of records' states: the latest news, in whatever order they come."""

from itertools import permutations

import pytest

from services.ingest.domain.accounts import Account
from services.ingest.handlers.accounts import News, follow_accounts
from shared.contracts.records import (
    AccountClosedV1,
    AccountClosedV1Data,
    AccountOpenedV1,
    AccountOpenedV1Data,
    AccountOpposedV1,
    AccountOpposedV1Data,
)
from shared.messaging.unit import State, Unit
from tests.fakes.ingest import NOON, InMemoryAccountStates, applied

RECORD = "5f" * 16


def opened(version: int) -> AccountOpenedV1:
    """Return the news that the record is open."""
    data = AccountOpenedV1Data(cause="deadline", version=version)
    return AccountOpenedV1.new(source="/records", time=NOON, subject=RECORD, data=data)


def opposed(version: int) -> AccountOpposedV1:
    """Return the news of an opposition."""
    data = AccountOpposedV1Data(channel="online", version=version)
    return AccountOpposedV1.new(source="/records", time=NOON, subject=RECORD, data=data)


def closed(version: int) -> AccountClosedV1:
    """Return the news of a closure."""
    data = AccountClosedV1Data(cause="closure", version=version)
    return AccountClosedV1.new(source="/records", time=NOON, subject=RECORD, data=data)


LIFE: tuple[News, ...] = (opened(2), opposed(4), opened(5), closed(7))


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_any_order(order: tuple[int, ...]):
    """Whatever the order of arrival, one by one or together, the latest version is what is known (96)."""
    events = [LIFE[place] for place in order]
    for batches in ([[event] for event in events], [events]):
        accounts = InMemoryAccountStates()
        for batch in batches:
            unit = Unit()
            await follow_accounts(batch, unit, accounts=accounts)
            await applied(unit)
        assert accounts.rows == {RECORD: Account(RECORD, open=False, version=7)}


async def test_older_news_are_ignored():
    """News that an account has left behind change nothing, and the books say so."""
    accounts = InMemoryAccountStates()
    for event, state in ((opposed(4), State.DONE), (opened(2), State.IGNORED), (opened(5), State.DONE)):
        unit = Unit()
        await follow_accounts([event], unit, accounts=accounts)
        await applied(unit)
        assert unit.outcome_of(event).state is state
    assert accounts.rows[RECORD].open
