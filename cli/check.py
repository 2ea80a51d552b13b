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

PACKAGES = ("services", "shared", "cli", "simulator", "deploy", "verifier", "chaos", "bench", "tests")

COMPOSE = ("--env-file", "deploy/compose.env.example", "--file", "deploy/compose.yaml")

STEPS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Lint", ("ruff", "check", "."), "`.venv/bin/ruff check --fix .` mends some of it"),
    ("Format", ("ruff", "format", "--check", "."), "`.venv/bin/ruff format .` mends it"),
    ("Types", ("mypy",), "mypy's messages are above"),
    ("Import rules", ("lint-imports",), "the rules and their reasons are in .importlinter"),
    ("Dockerfile", ("hadolint", "deploy/Dockerfile"), "hadolint's messages are above"),
    ("Compose file", ("docker-compose", *COMPOSE, "--profile", "setup", "config", "--quiet"), "its message is above"),
)

ELSEWHERE = ("hadolint", "docker-compose")
"""Tools that are packaged for Linux on x86-64 only; CI runs there."""


@app.command()
def check() -> None:
    """Lint, format, types, import rules, then every test; stop at the first failure."""
    console = Console()
    for name, (tool, *arguments), advice in STEPS:
        program = Path(sys.executable).with_name(tool)
        if tool in ELSEWHERE and not program.exists():
            console.print(f"[yellow]{name}: skipped, there is no {tool} for this machine.[/]")
            continue
        began = time.monotonic()
        console.print(f"[bold]{name}[/] ({tool})")
        command = [str(program), *arguments]
        if tool == "mypy":
            command += [package for package in PACKAGES if any((CLONE / package).rglob("*.py"))]
        if subprocess.run(command, cwd=CLONE, check=False).returncode:
            console.print(f"[red]{name}: not clean; {advice}.[/] Nothing after it was run.")
            sys.exit(1)
        console.print(f"{name}: clean, {time.monotonic() - began:.1f} s")
    console.print("[bold]Tests[/] (pytest)")
    sys.exit(run_tests([]))
