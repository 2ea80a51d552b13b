"""A lost connection as an error: aiormq ends what was under way on one as if somebody had cancelled it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


@contextmanager
def losses() -> Iterator[None]:
    """Raise `ConnectionError` in the place of a cancellation that nobody asked of this task.

    A frozen broker costs a connection when its heartbeat runs out. What then comes as a bare `CancelledError` passes
    every ``except Exception``, and a task that ends by it ends unseen: a task group takes it for one that was told to.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("lost while an answer was awaited") from error


@asynccontextmanager
async def answered(seconds: float) -> AsyncIterator[None]:
    """Give the broker so long to answer within the block; raise `TimeoutError`, or `ConnectionError` as `losses` does.

    A library's own timeout is not trusted: a frozen broker would hold it. On a closed connection aio-pika raises a bare
    `RuntimeError`: nothing else belongs into the block than its calls.
    """
    try:
        with losses():
            async with asyncio.timeout(seconds):
                yield
    except RuntimeError as error:
        raise ConnectionError("not connected") from error
