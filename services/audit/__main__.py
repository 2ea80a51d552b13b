"""`python -m services.audit worker|api`: one process, one role."""

import sys

import uvloop

from services.audit import app

ROLES = {"worker": app.worker, "api": app.api}


def main() -> None:
    """Run the role named on the command line until it is told to stop."""
    role = ROLES.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if role is None:
        sys.exit(f"usage: python -m services.audit {'|'.join(ROLES)}")
    uvloop.run(role())


if __name__ == "__main__":
    main()
