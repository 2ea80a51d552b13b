"""`./carnet chaos`: hurts a running system in every way it knows, and checks what is left: nothing lost or doubled."""

import logging
import shutil
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from chaos.command import GOOD, WRONG, Wanted, course
from chaos.faults.table import faults as table
from chaos.replicas import MORE
from chaos.schedule import schedule
from chaos.stack import private_stack
from chaos.trials import brief_minutes, broken, mutant_named, try_mutants
from chaos.verdict import Verdict, show
from cli.interruption import interruptible, run_interruptibly
from deploy.local.places import StackError, default_home, folder

STRICT_MINUTES = 5
"""From this length on, a run with every fault must have seen fail-overs, adoptions, races and their like."""

DATA = tuple(f"{server}{number}" for server in ("mongodb", "rabbitmq") for number in ("", *(f"-{n}" for n in MORE)))

NOT_STARTED, INTERRUPTED = 2, 130

app = typer.Typer()


@app.command()
def chaos(
    *,
    minutes: Annotated[float, typer.Option(min=0.2, help="How long it is hurt; judging it comes on top.")] = 5.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same faults at the same times.")] = 1,
    faults: Annotated[str, typer.Option(help="Only these, e.g. `kill,freeze-broker`; all by default.")] = "",
    workers: Annotated[int, typer.Option(min=1, max=8, help="Workers and standing-by jobs of each service.")] = 2,
    replicas: Annotated[
        bool, typer.Option("--replicas", help="Three nodes of the broker, three of the database.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the databases of this run too.")] = False,
    mutant: Annotated[str | None, typer.Option(help="Break one rule of Carnet, which must turn out.")] = None,
    mutants: Annotated[bool, typer.Option("--mutants", help="Break each rule in a brief run of its own.")] = False,
) -> None:
    """Kill, freeze, cut, garble, fill and poison a system of its own while it works; then judge what is left.

    Exit: 0 every promise kept, 1 a violation or a fault that never happened, 2 it did not start, 130 interrupted.
    """
    console = Console(highlight=False)
    for library in ("aio_pika", "aiormq", "pymongo"):  # that connections are lost is what this is about
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="coroutine 'Connection.close'", category=RuntimeWarning)

    def run(name: str | None, wanted_faults: str, length: float) -> Verdict:
        crowd = Crowd(seed, workers, replicas=replicas)
        return _run(name, wanted_faults, length, crowd, keep=keep, console=console)

    if mutants:
        raise typer.Exit(GOOD if try_mutants(run, console) else WRONG)
    if mutant is not None:
        wanted = mutant_named(mutant)
        verdict = run(mutant, faults or ",".join(wanted.faults), brief_minutes(wanted.faults))
        caught = "caught" if wanted.caught_by(verdict.violated) else "not caught"
        console.print(f"Rule {wanted.rule} was broken ({wanted.broken}): {caught} by {' or '.join(wanted.red)}.")
    else:
        verdict = run(None, faults, minutes)
    raise typer.Exit(GOOD if verdict.good else WRONG)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a run is made of: its seed, so many workers, servers alone or in threes."""

    seed: int
    workers: int
    replicas: bool


def _run(mutant: str | None, faults: str, minutes: float, crowd: Crowd, *, keep: bool, console: Console) -> Verdict:
    """Run once on a system of its own, and show the verdict."""
    chosen, seed = table(faults), crowd.seed
    strikes = schedule(seed, {name: fault.lasts for name, fault in chosen.items()}, 60 * minutes)
    strict = not faults and mutant is None and minutes >= STRICT_MINUTES
    home = _home(f"seed{seed}" if mutant is None else mutant)
    console.print(
        f"[bold]Chaos[/]: {len(chosen)} kinds of fault, {len(strikes)} strikes in {minutes:g} min, seed {seed}"
    )
    verdict: Verdict | None = None
    try:
        with (
            interruptible(console),
            console.status("Starting the broker and the database ...") as status,
            broken(mutant),
            private_stack(home, status.update) as stack,
        ):
            wanted = Wanted(seed, crowd.workers, chosen, strikes, strict=strict, mutant=mutant, replicas=crowd.replicas)
            verdict = run_interruptibly(course(stack, wanted, console, status))
    except StackError as error:
        console.print(f"[red]It did not start, or did not come back:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(NOT_STARTED) from None
    finally:
        if not keep:
            for name in DATA:
                shutil.rmtree(home / name, ignore_errors=True)
    if verdict is not None:
        show(verdict, console)
    console.print(f"[dim]History and logs: {home}[/]", soft_wrap=True)
    if verdict is None:
        raise typer.Exit(INTERRUPTED)
    return verdict


def _home(name: str) -> Path:
    """Return the folder of this run: they stay side by side."""
    return folder(default_home() / "chaos" / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}")
