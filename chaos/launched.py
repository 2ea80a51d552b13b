"""Starts a role of a service as it is: `python -m chaos.launched services.records worker`."""

import runpy
import sys


def start(words: list[str]) -> None:
    """Become the role that the words name."""
    module, *rest = words
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    start(sys.argv[1:])
