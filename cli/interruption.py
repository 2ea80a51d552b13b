"""Ctrl-C and SIGTERM end a command in good order: everything it started is stopped, once, undisturbed."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from rich.console import Console

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


@contextmanager
def interruptible(console: Console) -> Iterator[None]:
    """Turn the first signal into KeyboardInterrupt, ignore later ones while things stop, and end quietly.

    Put it around the context managers that stop what they started.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        console.print("\nStopping ...")
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        console.print("Stopped.")
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def run_interruptibly(work: Coroutine[Any, Any, T]) -> T:
    """Run work to its end; a signal cancels it where it waits, and only then does what signals do here."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(work)
        for number in SIGNALS:
            loop.add_signal_handler(number, task.cancel)
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
    signal.raise_signal(signal.SIGINT)
    raise KeyboardInterrupt
