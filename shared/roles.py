"""A process of a service: its command line names one role, a signal ends it."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import uvloop

from shared.security import UnsafeError

UNSAFE: Final = 3
"""The exit status of a process that refuses to start because it would not be safe."""

Role = Callable[[], Coroutine[Any, Any, None]]


def run(service: str, roles: Mapping[str, Role]) -> None:
    """Run the role named on the command line until it is told to stop; say what there is for any other word."""
    role = roles.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if role is None:
        sys.exit(f"usage: python -m services.{service} {'|'.join(roles)}")
    try:
        uvloop.run(role())
    except UnsafeError as error:
        print(*error.findings, sep="\n", file=sys.stderr)  # noqa: T201 - for whoever starts the process
        sys.exit(UNSAFE)


async def told_to_stop() -> None:
    """Wait until somebody stops this process in good order: SIGTERM, or SIGINT from a terminal."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
