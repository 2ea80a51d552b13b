"""`./carnet test`: one pytest over the tiers asked for; a tier in which nothing passed is a failure."""

import subprocess
import sys
from typing import Annotated

import typer

from deploy.local.places import CLONE

app = typer.Typer()

TIERS = ("unit", "contract", "integration", "e2e", "chaos")

ON_REQUEST = ("containers",)
"""Tiers that need more than the others: run when they are named."""


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TIER]... [PYTEST OPTION]...",
            help=f"Tiers: {', '.join(TIERS)} by default; {', '.join(ON_REQUEST)} when named.",
        ),
    ] = None,
) -> None:
    """Run the tests. Everything after the tiers is handed to pytest, e.g. `./carnet test unit -k ins`."""
    sys.exit(run_tests(words or []))


def run_tests(words: list[str]) -> int:
    """Run pytest over the tiers that `words` begins with, the rest being its options; return its exit code."""
    known = TIERS + ON_REQUEST
    tiers = [word for word in words if word in known] or list(TIERS)
    options = [word for word in words if word not in known]
    asked = [f"--tier={tier}" for tier in tiers]
    folders = [f"tests/{tier}" for tier in tiers]
    command = [sys.executable, "-m", "pytest", *asked, *options, *folders]
    return subprocess.run(command, cwd=CLONE, check=False).returncode
