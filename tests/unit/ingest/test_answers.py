"""Waiting for what records makes of a deposit: together, not for ever, and at no cost while nobody waits."""

import asyncio
from datetime import timedelta

import pytest
from pymongo.errors import AutoReconnect

from services.ingest.domain.deposits import Deposit, DepositState, end
from services.ingest.handlers.answers import Answers
from tests.fakes.ingest import NOON, InMemoryDeposits


def deposit(number: int) -> Deposit:
    """Return a deposit whose fate is open."""
    return Deposit(f"{number:032x}", "c" * 32, "5f" * 16, "d" * 32, "e" * 32, NOON)


@pytest.fixture
def deposits() -> InMemoryDeposits:
    """Give three deposits whose fate is open."""
    store = InMemoryDeposits()
    store.rows = {one.document: one for one in map(deposit, range(3))}
    return store


async def test_all_who_wait_are_told_by_one_look(deposits: InMemoryDeposits):
    """However many wait, for whatever, the store is asked once each time; each is told of the own deposit."""
    answers = Answers(deposits, every=0)
    waiting = [asyncio.create_task(answers.wait(one, 60)) for one in (*deposits.rows, *deposits.rows)]
    await asyncio.sleep(0)
    for document in deposits.rows:
        deposits.rows[document] = end(deposits.rows[document], NOON + timedelta(seconds=1))
    looks = deposits.looks
    told = await asyncio.gather(*waiting)
    assert [one and one.document for one in told] == [*deposits.rows, *deposits.rows]
    assert all(one is not None and one.state is DepositState.STORED for one in told)
    assert deposits.looks - looks <= 2


async def test_nobody_waits(deposits: InMemoryDeposits):
    """Once nobody waits any more, nothing is asked."""
    answers = Answers(deposits, every=0)
    assert await answers.wait(next(iter(deposits.rows)), 0) is None
    for _ in range(3):
        await asyncio.sleep(0)
    looks = deposits.looks
    for _ in range(10):
        await asyncio.sleep(0)
    assert deposits.looks == looks
    assert not answers._waiting


async def test_a_store_that_is_away_is_asked_again(deposits: InMemoryDeposits):
    """A database that does not answer ends nobody's waiting."""
    document = next(iter(deposits.rows))
    deposits.fault = AutoReconnect()
    deposits.rows[document] = end(deposits.rows[document], NOON)
    answers = Answers(deposits, every=0)
    told = await answers.wait(document, 60)
    assert told is not None
    assert deposits.fault is None
