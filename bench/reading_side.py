"""Records' role `api` on one core, as it is or without traces: `python -m bench.reading_side traced|untraced CORE`."""

import os
import sys
from typing import Any

import uvloop

from services.records.app import api
from services.records.handlers.tracing import Tracer


async def _nothing(_tracer: Tracer, *_access: Any, **_decision: Any) -> None:
    """Write no trace: what the same query costs alone."""


def main() -> None:
    """Answer until told to stop."""
    _, side, core = sys.argv
    os.sched_setaffinity(0, {int(core)})
    if side == "untraced":
        setattr(Tracer, "write", _nothing)  # noqa: B010 - a method is put in the place of another
    uvloop.run(api())


if __name__ == "__main__":
    main()
