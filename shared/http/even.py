"""Refusals that take the same time: a few milliseconds do not tell a known number from another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shared.http.problems import Problem

EVEN_S: Final = 0.06
"""What a stranger may ask takes this long at least."""


@asynccontextmanager
async def evenly() -> AsyncIterator[None]:
    """Leave no sooner than `EVEN_S` after entering, however it goes."""
    loop = asyncio.get_running_loop()
    until = loop.time() + EVEN_S
    try:
        yield
    finally:
        await asyncio.sleep(until - loop.time())


@asynccontextmanager
async def refusing_evenly(seconds: float | None = None) -> AsyncIterator[None]:
    """Let a problem leave no sooner than so long after entering, `EVEN_S` by default; an answer leaves at once."""
    loop = asyncio.get_running_loop()
    until = loop.time() + (EVEN_S if seconds is None else seconds)
    try:
        yield
    except Problem:
        await asyncio.sleep(until - loop.time())
        raise
