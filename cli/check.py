"""`./carnet check`: what CI runs, in the order in which it fails fastest."""

import subprocess
import sys
import time
from pathlib import Path

import typer
from rich.console import Console

from cli.test import run_tests
from deploy.local.places import CLONE

app = typer.Typer()

PACKAGES = ("services", "shared", "cli", "simulator", "deploy", "chaos", "bench", "tests")

STEPS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Lint", ("ruff", "check", "."), "`.venv/bin/ruff check --fix .` mends some of it"),
    ("Format", ("ruff", "format", "--check", "."), "`.venv/bin/ruff format .` mends it"),
    ("Types", ("mypy",), "mypy's messages are above"),
    ("Import rules", ("lint-imports",), "the rules and their reasons are in .importlinter"),
)


@app.command()
def check() -> None:
    """Lint, format, types, import rules, then every test; stop at the first failure."""
    console = Console()
    for name, (tool, *arguments), advice in STEPS:
        began = time.monotonic()
        console.print(f"[bold]{name}[/] ({tool})")
        command = [str(Path(sys.executable).with_name(tool)), *arguments]
        if tool == "mypy":
            command += [package for package in PACKAGES if any((CLONE / package).rglob("*.py"))]
        if subprocess.run(command, cwd=CLONE, check=False).returncode:
            console.print(f"[red]{name}: not clean; {advice}.[/] Nothing after it was run.")
            sys.exit(1)
        console.print(f"{name}: clean, {time.monotonic() - began:.1f} s")
    console.print("[bold]Tests[/] (pytest)")
    sys.exit(run_tests([]))
