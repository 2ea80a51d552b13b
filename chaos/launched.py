"""Starts a role of a service as it is, but for one weak spot: `python -m chaos.launched services.records worker`.

No honest event kills its reader, and a process-killer has to be proved harmless all the same: an event whose id is
marked ends the process that reads or handles it, as a fault in a library written in C would.
"""

import os
import runpy
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from shared.messaging import cloudevents, subscription

KILLS_READING: Final = ".kills-reading"
"""In a message, this ends whoever takes its body apart."""


def kills(service: str) -> str:
    """Return what, in an event's id or in that of its cause, ends the worker of a service that handles it."""
    return f".kills-{service}"


def weaken(service: str) -> None:
    """Give this process its weak spot; before anything of the service is imported."""
    take_apart, make = cloudevents.split, subscription.Subscription.__init__

    def split(body: bytes, *words: Any, **more: Any) -> list[Any]:
        if KILLS_READING.encode() in body:
            _die()
        return take_apart(body, *words, **more)

    def init(self: Any, flow: Any, admit: Any, handler: Any, *words: Any, **more: Any) -> None:
        make(self, flow, admit, _mortal(handler, kills(service)), *words, **more)

    cloudevents.split = split
    subscription.Subscription.__init__ = init  # type: ignore[method-assign]


def _mortal(handler: Callable[..., Awaitable[None]], mark: str) -> Callable[..., Awaitable[None]]:
    async def handle(events: Sequence[Any], unit: Any) -> None:
        if any(mark in event.id or mark in (getattr(event, "causationid", None) or "") for event in events):
            _die()
        await handler(events, unit)

    return handle


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def start(words: list[str]) -> None:
    """Become the role that the words name."""
    module, *rest = words
    weaken(module.rpartition(".")[2])
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    start(sys.argv[1:])
