"""The end of tasks, which one cancellation does not always bring about."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

_CANCELLATIONS: Final = 8
_AGAIN_S: Final = 0.25


async def until_done(tasks: Sequence[asyncio.Task[Any]], deadline: float = 0, *, again: float = _AGAIN_S) -> None:
    """Wait for tasks until a time of the loop, and cancel those that are not done by then, ``again`` after so long.

    A cancellation is lost now and then (`asyncio.wait_for` of Python 3.11, on which PyMongo's waiting for a server
    stands), so it is said more than once.
    """
    pending = {task for task in tasks if not task.done()}
    left = deadline - asyncio.get_running_loop().time()
    if pending and left > 0:
        _, pending = await asyncio.wait(pending, timeout=left)
    for _ in range(_CANCELLATIONS):
        if not pending:
            return
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again)
