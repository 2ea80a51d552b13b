"""`./carnet demo`: the real system, fed by simulated insurers, with books that balance in front of your eyes."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.status import Status

from cli.demonstration.documents import patients_among
from cli.demonstration.hands_on import HandsOn
from cli.demonstration.report import print_addresses, report
from cli.demonstration.stage import CLOCK
from cli.demonstration.story import Story
from cli.demonstration.telling import show
from cli.doors import DEMO
from cli.interruption import interruptible, run_interruptibly
from deploy.local.places import StackError, default_home, folder
from deploy.local.processes import running_processes
from deploy.local.roles import ALL
from deploy.local.system import System, start_system
from shared.clock import paris_date
from simulator.population import people as population

GOOD, WRONG, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""

RETRY_DELAYS: Final = "1,2"
"""Seconds before an event that has to wait is tried again: what never comes is set aside within seconds."""

app = typer.Typer()


@app.command()
def demo(
    *,
    people: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many people are insured.")] = 2_000,
    lines: Annotated[int, typer.Option(min=1, max=1_000, help="Reimbursements of each.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people, care and mistakes.")] = 1,
    exit_: Annotated[bool, typer.Option("--exit", help="Stop after the summary.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the summary there, as JSON.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data and the logs of this run.")] = False,
) -> None:
    """Start the system, let insurers feed it, and show the books; stay until Ctrl-C.

    Exit: 0 all is well, 1 the books or the log are not, 2 it did not start, 130 interrupted before the summary.
    """
    console = Console(highlight=False)
    console.print(f"[bold]Carnet[/]: {people:,} synthetic people, {lines:,} reimbursements each, seed {seed}")
    code = INTERRUPTED
    with interruptible(console), _system(console, keep=keep) as system:
        summary = run_interruptibly(show(system, Story(people, lines, seed, system.stack.home / "logs"), console))
        report(summary, console, papers=keep or not exit_)
        if json_file is not None:
            json_file.write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")
        code = GOOD if summary.good else WRONG
        if not exit_:
            hands_on = _hands_on(system, people, seed)
            print_addresses(summary, hands_on.file, console)
            console.print("Ctrl-C stops it all.")
            _stay(system, hands_on)
        console.print("Stopping ...")
    if keep:
        console.print(f"The data and the logs are in {default_home() / DEMO}.")
    raise typer.Exit(code)


@contextlib.contextmanager
def _system(console: Console, *, keep: bool) -> Iterator[System]:
    """Run a system of its own on an empty folder; stop it and remove the folder at the end.

    The folder stays when ``keep`` is asked for, and after a failure for its logs.
    """
    home = _empty_home()
    os.environ.update(_calendar(home))
    os.environ.setdefault("CARNET_RETRY_DELAYS", RETRY_DELAYS)
    try:
        with console.status("Starting ...") as status:
            system = start_system(home, roles=ALL, say=lambda text: _say(text, status, console))
        with system:
            yield system
    except Exception:
        keep = True
        console.print(f"The logs are in {home / 'logs'}.")
        raise
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _calendar(home: Path) -> dict[str, str]:
    """Return the settings of a system that lives by the demonstration's calendar: the campaign begins tomorrow.

    It reaches the three departments of the pilot, where everybody of the demonstration lives.
    """
    today = paris_date(datetime.now(UTC))
    return {
        "CARNET_CLOCK_FILE": str(home / CLOCK),
        "CARNET_PILOT_FROM": str(today + timedelta(days=1)),
        "CARNET_NATIONAL_FROM": str(today + timedelta(days=3650)),
        "CARNET_CAMPAIGN_EVERY_S": "0.5",
        "CARNET_DEADLINES_EVERY_S": "0.5",
        "CARNET_EVERY": "PT0.5S",
    }


def _empty_home() -> Path:
    home = default_home() / DEMO
    if running := running_processes(home):
        raise StackError(
            f"A demonstration runs already ({running[0].name}, process {running[0].pid}): end it with Ctrl-C."
        )
    shutil.rmtree(home, ignore_errors=True)
    return folder(home)


def _say(text: str, status: Status, console: Console) -> None:
    if console.is_terminal:
        status.update(text)
    else:
        console.print(text)


def _hands_on(system: System, people: int, seed: int) -> HandsOn:
    """Return what the reader may try next, as the last of the patients."""
    authority, home = system.authority, system.stack.home
    person = patients_among(list(population(seed, people)))[-1]
    hands_on = HandsOn(home, system.door("gateway"), authority, system.door("issuer"), person)
    hands_on.keep_fresh()
    return hands_on


def _stay(system: System, hands_on: HandsOn) -> None:
    """Keep the system up until a signal comes."""
    while True:
        time.sleep(1)
        system.revive()
        hands_on.keep_fresh()
