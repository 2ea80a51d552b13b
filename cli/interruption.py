"""Ctrl-C and SIGTERM end a command in good order: everything it started is stopped, once, undisturbed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
