"""Spent tokens on a real database: the first wins, whoever else tries at the same time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.http.spent import COLLECTION, MongoSpentTokens

pytestmark = pytest.mark.integration
UNTIL = datetime.now(UTC) + timedelta(minutes=10)


async def test_only_the_first(database: Any):
    """24: of ten who use a token at once one succeeds, and nobody after; other tokens are as good as ever."""
    spent = MongoSpentTokens(database)
    await spent.prepare()

    tries = await asyncio.gather(*(spent.spend("t", UNTIL) for _ in range(10)))

    assert sorted(tries) == [False] * 9 + [True]
    assert not await spent.spend("t", UNTIL)
    assert await spent.spend("u", UNTIL)


async def test_forgotten_in_time(database: Any):
    """A token is forgotten once it would have ended anyway; preparing twice changes nothing."""
    spent = MongoSpentTokens(database)
    await spent.prepare()
    await spent.prepare()
    await spent.spend("t", UNTIL)

    indexes = await database[COLLECTION].index_information()
    (row,) = await database[COLLECTION].find().to_list()
    assert indexes["until_1"]["expireAfterSeconds"] == 0
    assert isinstance(row["until"], datetime)
