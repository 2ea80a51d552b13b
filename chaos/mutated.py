"""Starts a role of a service with one rule broken: `python -m chaos.mutated inbox-off services.records worker`."""

import sys

from chaos.launched import start
from chaos.mutants import MUTANTS


def main() -> None:
    """Break the rule that the first word names, and become the role that the others name."""
    name, module, *words = sys.argv[1:]
    mutant = MUTANTS[name]
    if mutant.service is None or module == f"services.{mutant.service}":
        mutant.apply()
    start([module, *words])


if __name__ == "__main__":
    main()
